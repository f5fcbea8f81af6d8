"""Moments: RFC 3339 text or relative to now, and microseconds since 1970 in UTC as the table stores them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

import msgspec

from contract.record import EARLIEST_TIME, LATEST_TIME, MAX_OFFSET_MINUTES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# An unencoded + in a query string arrives as a space: 2013-01-01T00:00:00+02:00 becomes …00:00 02:00.
_LOST_PLUS: Final = re.compile(r"(.+) (\d\d:\d\d)").fullmatch
_RELATIVE: Final = re.compile(r"-([0-9]{1,9})(s|m|h|d|w)").fullmatch
_UNIT_US: Final = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
EXAMPLE: Final = "2013-10-18T21:37:28-06:00"


class MomentError(ValueError):
    """The text is no moment; the message says why."""


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; of any, since no datetime is made on the way."""
    return (moment - _EPOCH) // _MICROSECOND


_EARLIEST_US: Final = to_us(EARLIEST_TIME)
_LATEST_US: Final = to_us(LATEST_TIME)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as it was written.

    us          microseconds since 1970; when relative, how long before now
    """

    written: str
    us: int
    relative: bool = False

    def at(self, now_us: int) -> int:
        """Microseconds since 1970, moved into the range that actions can have."""
        return _within_range(now_us - self.us if self.relative else self.us)


def parse_moment(text: str) -> Moment:
    """RFC 3339, ``now``, or as long ago as ``-15m`` says (s, m, h, d, w); raises MomentError."""
    if text == "now":
        return Moment(text, 0, relative=True)
    if ago := _RELATIVE(text):
        return Moment(text, int(ago[1]) * _UNIT_US[ago[2]], relative=True)
    return Moment(text, parse_us(text))


def parse_us(text: str) -> int:
    """The moment in microseconds, moved into the range that actions can have; raises MomentError."""
    lost_plus = _LOST_PLUS(text) if "T" in text.upper() else None
    written = f"{lost_plus[1]}+{lost_plus[2]}" if lost_plus else text
    try:
        moment = msgspec.convert(written, datetime)
    except (msgspec.ValidationError, OverflowError) as error:
        raise MomentError(f"no RFC 3339 time, such as {EXAMPLE}, and none like -15m or -7d") from error
    if moment.tzinfo is None:
        raise MomentError(f"has no offset from UTC: end it with Z or one like -06:00, such as {EXAMPLE}")
    return _within_range(to_us(moment))


def _within_range(time_us: int) -> int:
    return min(max(time_us, _EARLIEST_US), _LATEST_US)


def from_us(time_us: int, offset_minutes: int) -> datetime:
    """The moment in the client's own offset; msgspec writes it as RFC 3339, with a fraction only where there is one."""
    return _epoch_at(offset_minutes) + timedelta(0, 0, time_us)


@lru_cache(maxsize=256)
def _epoch_at(offset_minutes: int) -> datetime:
    # An offset that RFC 3339 cannot write is shown as UTC; no sink of ours stores one.
    if offset_minutes == 0 or abs(offset_minutes) > MAX_OFFSET_MINUTES:
        return _EPOCH
    return _EPOCH.astimezone(timezone(timedelta(minutes=offset_minutes)))

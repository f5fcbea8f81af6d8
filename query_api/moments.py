"""Moments: RFC 3339 text with an offset, and microseconds since 1970 in UTC as the table stores them."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

import msgspec

from contract.record import EARLIEST_TIME, LATEST_TIME, MAX_OFFSET_MINUTES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# An unencoded + in a query string arrives as a space: 2013-01-01T00:00:00+02:00 becomes …00:00 02:00.
_LOST_PLUS: Final = re.compile(r"(.+) (\d\d:\d\d)").fullmatch
EXAMPLE: Final = "2013-10-18T21:37:28-06:00"


class MomentError(ValueError):
    """The text is no moment; the message says why."""


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; of any, since no datetime is made on the way."""
    return (moment - _EPOCH) // _MICROSECOND


_EARLIEST_US: Final = to_us(EARLIEST_TIME)
_LATEST_US: Final = to_us(LATEST_TIME)


def parse_us(text: str) -> int:
    """The moment in microseconds, moved into the range that actions can have; raises MomentError."""
    lost_plus = _LOST_PLUS(text) if "T" in text.upper() else None
    written = f"{lost_plus[1]}+{lost_plus[2]}" if lost_plus else text
    try:
        moment = msgspec.convert(written, datetime)
    except (msgspec.ValidationError, OverflowError) as error:
        raise MomentError(f"no RFC 3339 time, such as {EXAMPLE}") from error
    if moment.tzinfo is None:
        raise MomentError(f"has no offset from UTC: end it with Z or one like -06:00, such as {EXAMPLE}")
    return min(max(to_us(moment), _EARLIEST_US), _LATEST_US)


def from_us(time_us: int, offset_minutes: int) -> datetime:
    """The moment in the client's own offset; msgspec writes it as RFC 3339, with a fraction only where there is one."""
    return _epoch_at(offset_minutes) + timedelta(0, 0, time_us)


@lru_cache(maxsize=256)
def _epoch_at(offset_minutes: int) -> datetime:
    # An offset that RFC 3339 cannot write is shown as UTC; no sink of ours stores one.
    if offset_minutes == 0 or abs(offset_minutes) > MAX_OFFSET_MINUTES:
        return _EPOCH
    return _EPOCH.astimezone(timezone(timedelta(minutes=offset_minutes)))

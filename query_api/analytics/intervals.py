"""Intervals: a span of time cut at the full minutes, hours, days or weeks of a time zone.

The cuts are made here, from Python's time zones, and bound as numbers: ClickHouse's own functions (toStartOfDay, …)
give 32-bit times, which wrap in 2106, and its time zones may be of another year than ours.
"""

import difflib
import enum
import functools
import itertools
import zoneinfo
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from kit.problem import FieldError, Problem
from query_api.filtering.conditions import Conditions
from query_api.filtering.moments import from_us, to_us

AUTO: Final = "auto"
TIME_US: Final = "toUnixTimestamp64Micro(time)"
_AUTO_MOST: Final = 200  # points; each interval is at most 7 of the one before, so there are about 30 at least
_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 86_400_000_000


class Interval(enum.StrEnum):
    """From the finest to the coarsest."""

    MINUTE = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR = "1h"
    HOURS_6 = "6h"
    DAY = "1d"
    WEEK = "1w"

    @property
    def us(self) -> int:
        """Microseconds; of days and weeks, and of what holds a change of the clocks, as they usually are."""
        return _LENGTHS_US[self]


_LENGTHS_US: Final = {
    Interval.MINUTE: _MINUTE_US,
    Interval.MINUTES_5: 5 * _MINUTE_US,
    Interval.MINUTES_15: 15 * _MINUTE_US,
    Interval.HOUR: 60 * _MINUTE_US,
    Interval.HOURS_6: 360 * _MINUTE_US,
    Interval.DAY: _DAY_US,
    Interval.WEEK: 7 * _DAY_US,
}


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone under its IANA name."""

    name: str = "UTC"
    rules: tzinfo = UTC

    def text(self, time_us: int | None) -> str | None:
        """RFC 3339 with the zone's offset at that moment; a second part of an offset (before 1972) is left out."""
        if time_us is None:
            return None
        offset = from_us(time_us, 0).astimezone(self.rules).utcoffset() or timedelta()
        return from_us(time_us, offset // timedelta(minutes=1)).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Axis:
    """The points of time of an answer, in microseconds since 1970.

    lower_us, upper_us  what is looked at: lower_us <= time < upper_us
    starts              where the intervals begin; the first one may begin before lower_us. Empty: nothing to look at
    """

    interval: Interval
    zone: Zone
    lower_us: int
    upper_us: int
    starts: tuple[int, ...]

    def times(self) -> list[str | None]:
        return [self.zone.text(start) for start in self.starts]

    def start_of(self, conditions: Conditions, time_us: str = TIME_US) -> str:
        """The SQL of the start of the interval in which ``time_us`` lies, which must be within the axis."""
        lengths = {following - start for start, following in itertools.pairwise(self.starts)}
        if len(lengths) > 1:  # the clocks change: three times slower, as measured
            starts = f"[{','.join(map(str, self.starts))}]"
            return f"roundDown({time_us}, {conditions.bind('starts', 'Array(Int64)', starts)})"
        first_us = self.starts[0] if self.starts else self.lower_us
        first = conditions.bind("first_us", "Int64", first_us)
        step = conditions.bind("step_us", "Int64", lengths.pop() if lengths else max(1, self.upper_us - first_us))
        return f"{time_us} - ({time_us} - {first}) % {step}"


def parse_interval(text: str) -> str:
    """``auto`` or an interval's text; raises ValueError."""
    if text != AUTO and text not in list(Interval):
        raise ValueError(f"none of {', '.join((AUTO, *Interval))}")
    return text


def parse_zone(text: str) -> Zone:
    """Raises ValueError, with the name that was meant."""
    if text == "UTC":
        return Zone()
    known = _known_zones()
    if text not in known:
        lower = {name.lower(): name for name in known}
        close = difflib.get_close_matches(text[:64].lower().replace(" ", "_"), lower, n=1)
        hint = f"; did you mean {lower[close[0]]}?" if close else ", such as Europe/Berlin"
        raise ValueError(f"no time zone of the IANA database{hint}")
    return Zone(text, zoneinfo.ZoneInfo(text))


@functools.cache
def _known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def axis(interval: str, zone: Zone, lower_us: int, upper_us: int, *, most: int) -> Axis:
    """The span's axis; ``auto`` takes the finest interval with at most 200 points.

    Raises a Problem (400) that names ``interval`` when there would be more than ``most``.
    """
    if lower_us >= upper_us:
        return Axis(Interval.MINUTE if interval == AUTO else Interval(interval), zone, lower_us, lower_us, ())
    chosen = _chosen(lower_us, upper_us) if interval == AUTO else Interval(interval)
    points = _points(chosen, lower_us, upper_us)  # or one more, where the range begins within an interval
    starts = tuple(_starts(chosen, zone.rules, lower_us, upper_us)) if points <= most + 1 else ()
    if not 0 < len(starts) <= most:
        raise too_large(
            f"{chosen} makes {max(points, len(starts)):,} points of this time range, and an answer may have {most:,} "
            "(QUERY_MAX_POINTS); ask for a longer interval or a shorter range"
        )
    return Axis(chosen, zone, lower_us, upper_us, starts)


def too_large(reason: str) -> Problem:
    """The refusal (400) of what would make too large an answer."""
    return Problem(400, "invalid-request", f"interval: {reason}", errors=[FieldError(path="interval", reason=reason)])


def _points(interval: Interval, lower_us: int, upper_us: int) -> int:
    return -((lower_us - upper_us) // interval.us)


def _chosen(lower_us: int, upper_us: int) -> Interval:
    # One point less than the most: a span that begins within an interval touches one more.
    fitting = (interval for interval in Interval if _points(interval, lower_us, upper_us) < _AUTO_MOST)
    return next(fitting, Interval.WEEK)


def _starts(interval: Interval, rules: tzinfo, lower_us: int, upper_us: int) -> list[int]:
    """In order, without repetition: where a clock is put forward over a start, two of them are one moment."""
    candidates = sorted(set(_candidates(interval, rules, lower_us, upper_us)))
    return candidates[bisect_right(candidates, lower_us) - 1 : bisect_left(candidates, upper_us)]


def _candidates(interval: Interval, rules: tzinfo, lower_us: int, upper_us: int) -> Iterator[int]:
    """The starts from one that is not after lower_us to one that is not before upper_us."""
    day = from_us(lower_us, 0).astimezone(rules).date() - timedelta(days=1)
    if interval is Interval.WEEK:
        day -= timedelta(days=day.weekday())
    days = timedelta(days=7 if interval is Interval.WEEK else 1)
    start_us = _midnight_us(day, rules)
    while start_us < upper_us:
        next_us = _midnight_us(day + days, rules)
        yield start_us
        if interval.us < _DAY_US:
            yield from _within_day(interval, day, rules, start_us, next_us)
        day, start_us = day + days, next_us


def _within_day(interval: Interval, day: date, rules: tzinfo, start_us: int, next_us: int) -> Iterator[int]:
    if next_us - start_us == _DAY_US:
        yield from range(start_us, next_us, interval.us)
        return
    # The clocks change: what they show at each start, the first and, where it comes twice, the second time.
    for minutes in range(0, 24 * 60, interval.us // _MINUTE_US):
        for fold in (0, 1):
            shown = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=rules, fold=fold)
            exists = shown.astimezone(UTC).astimezone(rules).replace(tzinfo=None) == shown.replace(tzinfo=None)
            if (fold == 0 or exists) and start_us < to_us(shown) < next_us:
                yield to_us(shown)


def _midnight_us(day: date, rules: tzinfo) -> int:
    """The first moment of the day: where midnight comes twice, the first; where it is skipped, what comes instead."""
    return to_us(datetime(day.year, day.month, day.day, tzinfo=rules))

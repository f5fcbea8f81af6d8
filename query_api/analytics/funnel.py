"""Funnel: how many go from step to step, and how long it takes them. What GET /log/funnel asks for and answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from query_api.analytics import axes, funnel_sql
from query_api.analytics.axes import Axes
from query_api.analytics.grouping import bounded
from query_api.analytics.intervals import Axis, Zone, parse_interval, parse_zone
from query_api.estimate import Estimates
from query_api.filtering import filter_parameters
from query_api.filtering.filter_parameters import read_filters
from query_api.filtering.filters import EVERYTHING, Filters, Scope
from query_api.filtering.query_string import QueryString, one_of
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

NAMES: Final = (*filter_parameters.NAMES, "step", "within", "by", "interval", "timeZone", "dryRun")
DEFAULT_WITHIN: Final = "1d"
_WITHIN: Final = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d|w)").fullmatch
_UNIT_US: Final = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_MOST_US: Final = 3_650 * 86_400_000_000
_decoder = result_decoder(list[Any])


@dataclass(frozen=True, slots=True)
class FunnelRequest:
    """The filters' types are the steps; within: microseconds from the first step to the last one."""

    filters: Filters
    steps: tuple[str, ...]
    within: str
    within_us: int
    by: str = "userId"
    interval: str | None = None
    zone: Zone = Zone()  # noqa: RUF009 - frozen
    dry_run: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Some steps. Never equal to another part, so that a repeated one is seen."""

    names: tuple[str, ...]


def parse(raw_query: bytes, scope: Scope = EVERYTHING) -> FunnelRequest:
    """Raises a Problem (400) that lists every wrong parameter."""
    query = QueryString(raw_query, NAMES, filter_parameters.PREFIXES)
    filters = read_filters(query, scope)
    for name, given in (("type", filters.types), (filter_parameters.NOT_TYPE, filters.not_types)):
        if given:
            query.refuse(name, "the steps say which types; leave it out")
    steps = _steps(query)
    within, within_us = query.read("within", _within) or (DEFAULT_WITHIN, _UNIT_US["d"])
    by = query.read("by", one_of(*funnel_sql.COLUMNS)) or "userId"
    interval = query.read("interval", parse_interval)
    zone = query.read("timeZone", parse_zone) or Zone()
    dry_run = query.flag("dryRun")
    query.raise_errors()
    return FunnelRequest(replace(filters, types=steps), steps, within, within_us, by, interval, zone, dry_run)


def _steps(query: QueryString) -> tuple[str, ...]:
    parts = query.read_all("step", lambda text: _Part(tuple(text.split(","))))
    steps = tuple(name for part in parts for name in part.names)
    if not 2 <= len(steps) <= funnel_sql.MOST_STEPS:
        query.refuse("step", f"{len(steps)} steps; give 2 to {funnel_sql.MOST_STEPS} types in order: step=VIEW,BUY")
    elif "" in steps:
        query.refuse("step", "an empty step; write types with commas between them")
    elif len(set(steps)) < len(steps):
        query.refuse("step", "a type is there twice; each step is another type")
    return steps


def _within(text: str) -> tuple[str, int]:
    found = _WITHIN(text)
    within_us = int(found[1]) * _UNIT_US[found[2]] if found else 0
    if not 0 < within_us <= _MOST_US:
        raise ValueError("no length of time such as 30m, 1h or 7d (s, m, h, d, w), up to 3650d")
    return text, within_us


class Funnels:
    """Reads funnels from the store."""

    def __init__(self, store: Store, estimates: Estimates, settings: Settings) -> None:
        self._store = store
        self._estimates = estimates
        self._settings = settings
        self._axes = Axes(store, estimates, settings)

    async def read(self, request: FunnelRequest, work: Work) -> dict[str, Any]:
        """The answer; raises StoreError, and a Problem (400) when it would be or read too much."""
        axis = await self._axis(request, work)
        query = self._query(request, axis)
        await self._estimates.check(query, work)
        rows = await self._store.fetch(query, work, _decoder)
        return _answer(request, axis, rows)

    async def first_query(self, request: FunnelRequest, work: Work) -> Query:
        """The query that reads the figures, or the one before it, which finds out what time they are of."""
        if request.interval is not None and not axes.is_given(request.filters):
            return axes.extent(request.filters)
        return self._query(request, await self._axis(request, work))

    async def _axis(self, request: FunnelRequest, work: Work) -> Axis | None:
        if request.interval is None:
            return None
        return await self._axes.of(request.filters, request.interval, request.zone, work)

    def _query(self, request: FunnelRequest, axis: Axis | None) -> Query:
        query = funnel_sql.query(request.filters, request.steps, request.within_us, request.by, axis)
        return bounded(query, self._settings)


def _answer(request: FunnelRequest, axis: Axis | None, rows: Sequence[list[Any]]) -> dict[str, Any]:
    nobody = [0] * len(request.steps) + [None] * (len(request.steps) - 1)
    total = next((row[2:] for row in rows if row[0]), nobody)
    at = {row[1]: row[2:] for row in rows if not row[0]}
    series = [at.get(start_us, nobody) for start_us in axis.starts] if axis else None
    start_us, end_us = axes.span(request.filters, axis)
    return {
        "by": request.by,
        "within": request.within,
        "interval": axis.interval if axis else None,
        "timeZone": request.zone.name,
        "startTime": request.zone.text(start_us),
        "endTime": request.zone.text(end_us),
        **({"times": axis.times()} if axis else {}),
        "steps": [_step(request.steps, number, total, series) for number in range(len(request.steps))],
    }


def _step(
    steps: Sequence[str], number: int, total: Sequence[Any], series: Sequence[Sequence[Any]] | None
) -> dict[str, Any]:
    """One step, counted from 0, in all and by the time of entry."""
    reached = total[number]
    step: dict[str, Any] = {
        "type": steps[number],
        "reached": reached,
        "fromPrevious": _share(reached, total[number - 1]) if number else None,
        "fromFirst": _share(reached, total[0]),
        "medianSeconds": _median_s(number, len(steps), total),
    }
    if series is not None:
        medians = [_median_s(number, len(steps), row) for row in series]
        step["values"] = {"reached": [row[number] for row in series], "medianSeconds": medians}
    return step


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _median_s(number: int, steps: int, row: Sequence[Any]) -> float | None:
    """Seconds from the first step; None for the first one, and for one that nobody reached."""
    median_us = row[steps + number - 1] if number else None
    return None if median_us is None else median_us / 1_000_000

"""Retention: who comes back, period after period. What GET /log/retention asks for and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from contract.tables import ACTIONS
from query_api.analytics import axes, intervals
from query_api.analytics.axes import Axes
from query_api.analytics.grouping import bounded
from query_api.analytics.intervals import TIME_US, Axis, Interval, Zone, parse_zone
from query_api.estimate import Estimates
from query_api.filtering import conditions, filter_parameters
from query_api.filtering.conditions import Conditions
from query_api.filtering.filter_parameters import read_filters
from query_api.filtering.filters import EVERYTHING, Filters, Scope
from query_api.filtering.query_string import QueryString, one_of
from query_api.paging.windows import Window
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

NAMES: Final = (*filter_parameters.NAMES, "start", "return", "interval", "timeZone", "dryRun")
INTERVALS: Final = (Interval.DAY, Interval.WEEK)
_NEVER: Final = "9223372036854775807"  # after every time
_COHORT: Final = -1  # no start of a day or a week, in microseconds: stands for the cohort itself
_decoder = result_decoder(tuple[int, int, int])


@dataclass(frozen=True, slots=True)
class RetentionRequest:
    """start, back: types; None is any."""

    filters: Filters
    start: str | None = None
    back: str | None = None
    interval: Interval = Interval.DAY
    zone: Zone = Zone()  # noqa: RUF009 - frozen
    dry_run: bool = False


def parse(raw_query: bytes, scope: Scope = EVERYTHING) -> RetentionRequest:
    """Raises a Problem (400) that lists every wrong parameter."""
    query = QueryString(raw_query, NAMES, filter_parameters.PREFIXES)
    filters = read_filters(query, scope)
    if filters.types:
        query.refuse("type", "start and return say which types; leave it out")
    start, back = query.read("start", str), query.read("return", str)
    interval = Interval(query.read("interval", one_of(*INTERVALS)) or Interval.DAY)
    zone = query.read("timeZone", parse_zone) or Zone()
    dry_run = query.flag("dryRun")
    query.raise_errors()
    types = dict.fromkeys((start, back)) if start is not None and back is not None else ()
    return RetentionRequest(replace(filters, types=tuple(types)), start, back, interval, zone, dry_run)


class Retentions:
    """Reads retention from the store."""

    def __init__(self, store: Store, estimates: Estimates, settings: Settings) -> None:
        self._store = store
        self._estimates = estimates
        self._settings = settings
        self._axes = Axes(store, estimates, settings)

    async def read(self, request: RetentionRequest, work: Work) -> dict[str, Any]:
        """The answer; raises StoreError, and a Problem (400) when it would be or read too much."""
        axis = await self._axis(request, work)
        query = bounded(_query(request, axis), self._settings)
        await self._estimates.check(query, work)
        return _answer(request, axis, await self._store.fetch(query, work, _decoder))

    async def first_query(self, request: RetentionRequest, work: Work) -> Query:
        """The query that reads the figures, or the one before it, which finds out what time they are of."""
        if not axes.is_given(request.filters):
            return axes.extent(request.filters)
        return bounded(_query(request, await self._axis(request, work)), self._settings)

    async def _axis(self, request: RetentionRequest, work: Work) -> Axis:
        axis = await self._axes.of(request.filters, request.interval, request.zone, work)
        periods = len(axis.starts)
        values = periods * (periods + 1) // 2
        if values > self._settings.max_values:
            raise intervals.too_large(
                f"{periods:,} periods of {axis.interval} make {values:,} values, and an answer may have "
                f"{self._settings.max_values:,} (QUERY_MAX_VALUES); ask for a longer interval or a shorter range"
            )
        return axis


def _query(request: RetentionRequest, axis: Axis) -> Query:
    """Rows: [start of the cohort's period, start of a period or -1, users]; -1 counts the cohort itself."""
    where = conditions.of(request.filters, Window(axis.lower_us, axis.upper_us))
    started = _when(where, "start", request.start, _NEVER)
    returned = _when(where, "return", request.back, "-1")
    seen = f"min({started}) AS started, max({returned}) AS returned"
    by_period = (
        f"      SELECT user_id, {axis.start_of(where)} AS period, {seen}\n"
        f"      FROM {ACTIONS} FINAL\n      {where.where()}      GROUP BY user_id, period"
    )
    by_user = (
        "    SELECT min(started) AS first, groupArray((period, returned)) AS periods\n"
        f"    FROM (\n{by_period})\n    GROUP BY user_id"
    )
    back = "arrayMap(seen -> seen.1, arrayFilter(seen -> seen.2 >= first, periods))"
    by_cohort = (
        f"  SELECT {axis.start_of(where, 'first')} AS cohort,"
        f" arrayJoin(arrayPushFront({back}, {_COHORT})) AS period\n"
        f"  FROM (\n{by_user})\n  WHERE first < {_NEVER}"
    )
    return Query(
        f"SELECT cohort, period, count()\nFROM (\n{by_cohort})\nGROUP BY cohort, period",
        where.parameters,
    )


def _when(where: Conditions, name: str, wanted: str | None, otherwise: str) -> str:
    """The time of an action of this type, of any when None; of others ``otherwise``."""
    return TIME_US if wanted is None else f"if(type = {where.bind(name, 'String', wanted)}, {TIME_US}, {otherwise})"


def _answer(request: RetentionRequest, axis: Axis, rows: Sequence[tuple[int, int, int]]) -> dict[str, Any]:
    users = {(cohort, period): count for cohort, period, count in rows}
    start_us, end_us = axes.span(request.filters, axis)
    cohorts = [_cohort(axis, number, users) for number in range(len(axis.starts))]
    return {
        "start": request.start,
        "return": request.back,
        "interval": axis.interval,
        "timeZone": request.zone.name,
        "startTime": request.zone.text(start_us),
        "endTime": request.zone.text(end_us),
        "cohorts": cohorts,
        "total": _total(cohorts),
    }


def _cohort(axis: Axis, number: int, users: Mapping[tuple[int, int], int]) -> dict[str, Any]:
    """Who began in this period, and how many of them were there in it and in each one after it."""
    start_us = axis.starts[number]
    return {
        "time": axis.zone.text(start_us),
        "users": users.get((start_us, _COHORT), 0),
        "returned": [users.get((start_us, period_us), 0) for period_us in axis.starts[number:]],
    }


def _total(cohorts: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """By the periods since the cohort's: the users of the cohorts that had as many, and who of them returned."""
    lasting = [cohorts[: len(cohorts) - number] for number in range(len(cohorts))]
    return {
        "users": [sum(cohort["users"] for cohort in some) for some in lasting],
        "returned": [sum(cohort["returned"][number] for cohort in some) for number, some in enumerate(lasting)],
    }

"""Counts: what GET /log/counts answers, from the rows of ``counts_sql`` to the groups, the others and the totals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from query_api.analytics import axes, counts_measures, counts_sql, intervals
from query_api.analytics.axes import Axes
from query_api.analytics.counts_groups import Group
from query_api.analytics.counts_measures import Figure
from query_api.analytics.counts_parameters import CountsRequest
from query_api.analytics.counts_sql import Counting
from query_api.analytics.grouping import bounded
from query_api.analytics.intervals import Axis
from query_api.estimate import Estimates
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

_decoder = result_decoder(list[Any])
_ALL: Final = ("all",)
_OTHER: Final = ("other",)


@dataclass(slots=True)
class Series:
    """One group's columns: in all, and by the starts of the intervals in which there are any."""

    total: Sequence[Any] | None = None
    at: dict[int, Sequence[Any]] = field(default_factory=dict)


Table = dict[tuple[str, ...], Series]  # by ("group", key, ...), _OTHER and _ALL


class Counts:
    """Counts actions in the store."""

    def __init__(self, store: Store, estimates: Estimates, settings: Settings) -> None:
        self._store = store
        self._estimates = estimates
        self._settings = settings
        self._axes = Axes(store, estimates, settings)

    async def read(self, request: CountsRequest, work: Work) -> dict[str, Any]:
        """The answer; raises StoreError, and a Problem (400) when it would be or read too much."""
        axis = await self._axis(request, work)
        self._check_size(request, axis)
        if _is_one_scan(request):
            counting = self._all_groups(request, axis)
            await self._estimates.check(counting.query, work)
            rows = await self._store.fetch(counting.query, work, _decoder)
            if len(rows) <= self._settings.max_values:
                return _answer(request, axis, counting, _fold(_table(rows, counting), request, counting))
        counting = await self._counting(request, axis, work)
        rows = await self._store.fetch(counting.query, work, _decoder)
        return _answer(request, axis, counting, _table(rows, counting))

    async def first_query(self, request: CountsRequest, work: Work) -> Query:
        """The query that reads the figures, or the one before it, which finds out what time they are of."""
        if request.interval is not None and not axes.is_given(request.filters):
            return axes.extent(request.filters)
        axis = await self._axis(request, work)
        self._check_size(request, axis)
        if _is_one_scan(request):
            return self._all_groups(request, axis).query
        return (await self._counting(request, axis, work)).query

    async def _axis(self, request: CountsRequest, work: Work) -> Axis | None:
        if request.interval is None:
            return None
        return await self._axes.of(request.filters, request.interval, request.zone, work)

    def _check_size(self, request: CountsRequest, axis: Axis | None) -> None:
        points = len(axis.starts) if axis else 0
        values = (points + 1) * len(request.measures) * (request.limit + 2 if request.groups else 1)
        if values > self._settings.max_values:
            raise intervals.too_large(
                f"{points:,} points, {request.limit:,} groups and {len(request.measures)} measures make {values:,} "
                f"values, and an answer may have {self._settings.max_values:,} (QUERY_MAX_VALUES); "
                "ask for a longer interval, a shorter range or a smaller limit"
            )

    async def _counting(self, request: CountsRequest, axis: Axis | None, work: Work) -> Counting:
        """The query, exact where few enough rows are looked at; raises a Problem (400) when too many are."""
        exact = self._bounded(counts_sql.top_groups(request, axis, exact=True))
        estimating = (
            self._estimates.of if request.dry_run else self._estimates.check
        )  # a dry run answers it, however much
        estimate = await estimating(exact.query, work)
        if estimate.rows <= self._settings.exact_up_to_rows * exact.scans:
            return exact
        return self._bounded(counts_sql.top_groups(request, axis, exact=False))

    def _all_groups(self, request: CountsRequest, axis: Axis | None) -> Counting:
        return self._bounded(counts_sql.all_groups(request, axis, most_rows=self._settings.max_values, exact=True))

    def _bounded(self, counting: Counting) -> Counting:
        return replace(counting, query=bounded(counting.query, self._settings))


def _is_one_scan(request: CountsRequest) -> bool:
    """Whether the groups are few, and the figures of the others follow from those of each."""
    wanted = counts_measures.measures(request.measures, None, exact=True)
    merging = all(column.merge for column in counts_measures.columns(wanted))
    return merging and [group.written for group in request.groups] == ["type"]


def _table(rows: Iterable[Sequence[Any]], counting: Counting) -> Table:
    table: Table = {}
    width = len(counting.columns)
    for row in rows:
        every_group, is_top, *key = row[: -width - 2]
        every_time, start_us = row[-width - 2 : -width]
        name = _ALL if every_group else ("group", *key) if is_top else _OTHER
        series = table.setdefault(name, Series())
        if every_time:
            series.total = row[-width:]
        else:
            series.at[start_us] = row[-width:]
    return table


def _fold(table: Table, request: CountsRequest, counting: Counting) -> Table:
    """The groups after the first ``limit`` as one."""
    ordered = _ordered(table, counting)
    for name in ordered[request.limit :]:
        _merge(table.setdefault(_OTHER, Series()), table.pop(name), counting)
    return table


def _merge(into: Series, series: Series, counting: Counting) -> None:
    into.total = _merged(into.total, series.total, counting)
    for start_us, row in series.at.items():
        into.at[start_us] = _merged(into.at.get(start_us), row, counting)


def _merged(left: Sequence[Any] | None, right: Sequence[Any] | None, counting: Counting) -> Sequence[Any]:
    if left is None or right is None:
        return right or left or ()  # a row is never empty
    return [
        column.merge(one, other) if column.merge else None
        for column, one, other in zip(counting.columns, left, right, strict=True)
    ]


def _ordered(table: Table, counting: Counting) -> list[tuple[str, ...]]:
    """The groups' names, by the first measure, highest first and those without it last; equal ones by their keys."""

    def place(name: tuple[str, ...]) -> tuple[bool, float, tuple[str, ...]]:
        first = next(iter(_figures(counting, table[name].total).values()))
        return first is None, 0.0 if first is None else -first, name

    return sorted((name for name in table if name not in (_OTHER, _ALL)), key=place)


def _answer(request: CountsRequest, axis: Axis | None, counting: Counting, table: Table) -> dict[str, Any]:
    zone = request.zone
    start_us, end_us = axes.span(request.filters, axis)
    body: dict[str, Any] = {
        "interval": axis.interval if axis else None,
        "timeZone": zone.name,
        "startTime": zone.text(start_us),
        "endTime": zone.text(end_us),
        "measures": list(request.measures),
        "exact": {measure.name: measure.exact for measure in counting.measures if measure.exact is not None},
        "groupBy": [group.written for group in request.groups],
    }
    if request.of_written:
        body["of"] = _of(request.of_written, counting, table)
    if axis:
        body["times"] = axis.times()
    groups = _ordered(table, counting) if request.groups else []
    body["groups"] = [
        {"key": _keys(request.groups, name[1:]), **_values(counting, axis, table[name])} for name in groups
    ]
    body["other"] = _values(counting, axis, table[_OTHER]) if _OTHER in table else None
    return {**body, **_values(counting, axis, table.get(_ALL, Series()))}


def _of(written: str, counting: Counting, table: Table) -> Mapping[str, Any]:
    total = table.get(_ALL, Series()).total or [column.empty for column in counting.columns]
    return {"property": written, "numeric": total[-2], "ignored": total[-1]}


def _keys(groups: Sequence[Group], key: Sequence[str]) -> list[Any]:
    return [group.answered(member) for group, member in zip(groups, key, strict=True)]


def _values(counting: Counting, axis: Axis | None, series: Series) -> dict[str, Any]:
    """A group's figures: in all, and by time where there is an axis."""
    values: dict[str, Any] = {"total": _figures(counting, series.total)}
    if axis:
        rows = [_figures(counting, series.at.get(start_us)) for start_us in axis.starts]
        values["values"] = {measure.name: [row[measure.name] for row in rows] for measure in counting.measures}
    return values


def _figures(counting: Counting, row: Sequence[Any] | None) -> dict[str, Figure]:
    """Of the row, or of nothing."""
    known = row if row is not None else [column.empty for column in counting.columns]
    return counts_measures.figures(counting.measures, counting.columns, known)

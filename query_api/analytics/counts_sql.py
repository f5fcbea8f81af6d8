"""The SQL of GET /log/counts.

One query for groups, times, the other groups and all totals together, by GROUPING SETS: the figures of "other" and
of the totals are computed from the actions themselves, so that distinct users are right there too. Its rows are

    [is every group, is top, key, ..., is every time, start of the interval, column, ...]

where what does not apply is 0 or empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contract.tables import ACTIONS
from query_api.analytics.counts_measures import Column, Measure, columns, measures
from query_api.analytics.counts_parameters import CountsRequest
from query_api.analytics.intervals import Axis
from query_api.filtering import conditions
from query_api.filtering.conditions import Conditions, property_path
from query_api.paging.windows import Window
from query_api.query import Query

_NUMBERS: Final = "('Int64', 'UInt64', 'Double')"
_TOP, _START = "is_top", "interval_start"


@dataclass(frozen=True, slots=True)
class Counting:
    """A query, and what its rows' columns are.

    scans   how often it reads the actions
    """

    query: Query
    measures: Sequence[Measure]
    columns: Sequence[Column]
    scans: int = 1


def all_groups(request: CountsRequest, axis: Axis | None, *, most_rows: int, exact: bool) -> Counting:
    """Every group by itself, in one scan; one row more than ``most_rows`` when there are more."""
    where, wanted, known = _begun(request, axis, exact=exact)
    keys = [f"{group.sql(where)} AS {_key(n)}" for n, group in enumerate(request.groups)]
    text = _select(request, axis, where, known, ["1", *keys], [_key(n) for n in range(len(keys))])
    return Counting(
        Query(f"{text}\nLIMIT {where.bind('rows', 'UInt32', most_rows + 1)}", where.parameters), wanted, known
    )


def top_groups(request: CountsRequest, axis: Axis | None, *, exact: bool) -> Counting:
    """The ``limit`` groups that the first measure puts first, and the others as one; two scans if there are groups."""
    where, wanted, known = _begun(request, axis, exact=exact)
    if not request.groups:
        return Counting(Query(_select(request, axis, where, known, ["1"], []), where.parameters), wanted, known)
    raw = [group.sql(where) for group in request.groups]
    top = f"{_tuple(raw)} IN ({_ranked(request, where, raw, wanted[0].order)}) AS {_TOP}"
    keys = [f"if({_TOP}, {key}, '') AS {_key(n)}" for n, key in enumerate(raw)]
    names = [_TOP, *(_key(n) for n in range(len(keys)))]
    text = _select(request, axis, where, known, [top, *keys], names)
    return Counting(Query(text, where.parameters), wanted, known, scans=2)


def _begun(request: CountsRequest, axis: Axis | None, *, exact: bool) -> tuple[Conditions, list[Measure], list[Column]]:
    where = conditions.of(request.filters, Window(axis.lower_us, axis.upper_us) if axis else None)
    number = _number(where, request.of) if request.of else None
    wanted = measures(request.measures, number, exact=exact)
    return where, wanted, [*columns(wanted), *(_had_it(where, request.of, number) if request.of and number else ())]


def _number(where: Conditions, path: tuple[str, ...]) -> str:
    """The property where it is a number, else NULL, which aggregates leave out."""
    arguments = property_path(where, path)
    return f"if(JSONType({arguments}) IN {_NUMBERS}, JSONExtractFloat({arguments}), NULL)"


def _had_it(where: Conditions, path: tuple[str, ...], number: str) -> list[Column]:
    """How many had the property as a number, and how many as something else."""
    ignored = f"JSONType({property_path(where, path)}) NOT IN ('Int64', 'UInt64', 'Double', 'Null')"
    return [Column(f"count({number}) AS numeric", 0), Column(f"countIf({ignored}) AS ignored", 0)]


def _ranked(request: CountsRequest, where: Conditions, keys: Sequence[str], order: str) -> str:
    named = ", ".join(f"{key} AS {_key(n)}" for n, key in enumerate(keys))
    names = ", ".join(_key(n) for n in range(len(keys)))
    source = f"FROM {ACTIONS} FINAL\n  {where.where()}"
    ranked = f"SELECT {named}, {order} AS rank\n  {source}  GROUP BY {names}\n  ORDER BY rank DESC NULLS LAST, {names}"
    return f"SELECT {names} FROM (\n  {ranked}\n  LIMIT {where.bind('groups', 'UInt32', request.limit)})"


def _select(
    request: CountsRequest,
    axis: Axis | None,
    where: Conditions,
    known: Sequence[Column],
    keys: Sequence[str],
    names: Sequence[str],
) -> str:
    """``keys`` are the expressions from "is top" on, ``names`` what of them is grouped by."""
    every_group = f"grouping({_key(0)})" if names else "1"
    every_time, start = (f"grouping({_START})", f"{axis.start_of(where)} AS {_START}") if axis else ("1", "0")
    listed = ",\n  ".join([every_group, *keys, every_time, start, *(column.sql for column in known)])
    text = f"SELECT\n  {listed}\nFROM {ACTIONS} FINAL\n{where.where()}".rstrip()
    return f"{text}\n{_sets(names, axis)}".rstrip()


def _sets(names: Sequence[str], axis: Axis | None) -> str:
    """The groups at each time, the groups, each time, and all."""
    times = [_START] if axis else []
    sets = dict.fromkeys(f"({', '.join(part)})" for part in ([*names, *times], names, times, []))
    return f"GROUP BY GROUPING SETS ({', '.join(sets)})" if len(sets) > 1 else ""


def _key(number: int) -> str:
    return f"key_{number + 1}"


def _tuple(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else f"({', '.join(keys)})"

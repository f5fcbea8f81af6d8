"""Measures: what is counted of each group, as SQL aggregates and as the figures made of them.

Every measure is made of columns, each one aggregate function. ``merge`` says how two groups' columns are one's; where
there is none (distinct users, percentiles), the groups' figures do not tell their union's, and ClickHouse computes it.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

COUNT: Final = "count"
PERCENTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
UNIQUES: Final = {"uniqueUsers": "user_id", "uniqueSessions": "session_id"}
NUMERIC: Final = (*PERCENTILES, "avg", "sum", "min", "max")  # of the property that ``of`` names
NAMES: Final = (COUNT, *UNIQUES, *NUMERIC)

Figure = int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One aggregate: its SQL, what it is of nothing, and how two of them make one, if they do."""

    sql: str
    empty: Any
    merge: Callable[[Any, Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure made of columns.

    order   SQL of the same figure, to order groups by
    exact   None where it always is
    """

    name: str
    columns: tuple[Column, ...]
    order: str
    make: Callable[..., Figure]
    exact: bool | None = None


def measures(names: Sequence[str], number: str | None, *, exact: bool) -> list[Measure]:
    """The measures by their names; ``number`` is the SQL of a Nullable(Float64)."""
    return [_measure(name, number or "NULL", exact=exact) for name in names]


def columns(wanted: Sequence[Measure]) -> list[Column]:
    """All that the measures are made of, each once."""
    return list({column.sql: column for measure in wanted for column in measure.columns}.values())


def figures(wanted: Sequence[Measure], known: Sequence[Column], row: Sequence[Any]) -> dict[str, Figure]:
    """The measures of one row, whose values are those of the ``known`` columns."""
    values = {column.sql: value for column, value in zip(known, row, strict=True)}
    return {measure.name: measure.make(*(values[column.sql] for column in measure.columns)) for measure in wanted}


def _measure(name: str, number: str, *, exact: bool) -> Measure:
    if name == COUNT:
        return _single(name, Column("count()", 0, operator.add))
    if name in UNIQUES:
        function = "uniqExact" if exact else "uniqCombined64(17)"
        return _single(name, Column(f"{function}({UNIQUES[name]})", 0), exact=exact)
    if name in PERCENTILES:
        function = "quantileExactInclusive" if exact else "quantileTDigest"
        return _single(name, Column(f"{function}({PERCENTILES[name]})({number})", None), exact=exact)
    total = Column(f"ifNull(sum({number}), 0)", 0, operator.add)
    if name == "sum":
        return _single(name, total)
    if name == "avg":
        return Measure(name, (total, Column(f"count({number})", 0, operator.add)), f"avg({number})", _ratio)
    return _single(name, Column(f"{name}({number})", None, _either(min if name == "min" else max)))


def _single(name: str, column: Column, *, exact: bool | None = None) -> Measure:
    return Measure(name, (column,), column.sql, _itself, exact)


def _itself(value: Figure) -> Figure:
    return value


def _ratio(total: float | None, count: int) -> Figure:
    return None if total is None or not count else total / count  # a sum beyond the doubles arrives as null


def _either(function: Callable[[float, float], float]) -> Callable[[float | None, float | None], float | None]:
    def merged(left: float | None, right: float | None) -> float | None:
        if left is None or right is None:
            return right if left is None else left
        return function(left, right)

    return merged

"""The SQL of GET /log/funnel.

Why not windowFunnel: it answers how far a user came, but not when that attempt began nor how long it took; and its
strict_increase loses a chain whose first step is repeated at the very time of the second. Here each user's step actions
are one sorted array of numbers, time * 16 + step, so that actions of one time stand in the order of the steps. For each
step, ``began_N`` says of every action of step N when the latest attempt that leads there began (-1: none does);
arrayFill carries that forward to all actions after it. It takes 1.25 times the CPU of windowFunnel
(docs/decisions/011-counting.md).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from contract.tables import ACTIONS
from query_api.analytics.intervals import TIME_US, Axis
from query_api.filtering import conditions
from query_api.filtering.conditions import Conditions
from query_api.filtering.filters import Filters
from query_api.paging.windows import Window
from query_api.query import Query

COLUMNS: Final = {"userId": "user_id", "sessionId": "session_id"}
MOST_STEPS: Final = 10  # below 16


def query(filters: Filters, steps: Sequence[str], within_us: int, by: str, axis: Axis | None) -> Query:
    """Rows: [is every time, start of the interval, who reached step 1, 2, ..., median us to step 2, ...].

    The filters' types are the steps.
    """
    where = conditions.of(filters, Window(axis.lower_us, axis.upper_us) if axis else None)
    count = len(steps)
    listed = ", ".join(where.bind("step", "String", step) for step in steps)
    text = (
        f"SELECT arraySort(groupArray({TIME_US} * 16 + indexOf([{listed}], type))) AS events\n"
        f"FROM {ACTIONS} FINAL\n{where.where()}GROUP BY {COLUMNS[by]}"
    )
    for columns in _attempts(where, count, within_us):
        text = f"SELECT {', '.join(columns)}\nFROM (\n{text})"
    every_time, start = ("grouping(interval_start)", f"{axis.start_of(where, 'entry')}") if axis else ("1", "0")
    reached = [f"countIf(level >= {n})" for n in range(1, count + 1)]
    took = [f"quantileExactInclusive(0.5)(took_{n})" for n in range(2, count + 1)]
    figures = ", ".join([every_time, f"{start} AS interval_start", *reached, *took])
    sets = "\nGROUP BY GROUPING SETS ((interval_start), ())" if axis else ""
    return Query(f"SELECT {figures}\nFROM (\n{text})\nWHERE level > 0{sets}", where.parameters)


def _attempts(where: Conditions, count: int, within_us: int) -> Iterator[list[str]]:
    """The columns of one SELECT after the other: how far each user's furthest attempt came, when it began, how long it
    took to each step.

    A SELECT each, since ClickHouse's analyzer copies an expression wherever its alias stands: eight steps in one SELECT
    take it longer than ten seconds.
    """
    within = where.bind("within_us", "Int64", within_us)
    yield ["arrayMap(e -> toInt64(intDiv(e, 16)), events) AS times", "arrayMap(e -> e % 16, events) AS steps"]
    kept = ["times", "steps"]
    yield [*kept, "arrayMap((at, step) -> if(step = 1, at, -1), times, steps) AS began_1"]
    for n in range(2, count + 1):
        kept.append(f"began_{n - 1}")
        reaches = f"step = {n} AND began >= 0 AND at - began <= {within}"
        last = f"arrayFill(began -> began >= 0, began_{n - 1})"
        yield [*kept, f"arrayMap((at, step, began) -> if({reaches}, began, -1), times, steps, {last}) AS began_{n}"]
    kept.append(f"began_{count}")
    backwards = range(count, 0, -1)
    levels = ", ".join(f"arrayExists(began -> began >= 0, began_{n}), {n}" for n in backwards)
    yield [*kept, f"multiIf({levels}, 0) AS level"]
    furthest = ", ".join(f"level = {n}, began_{n}" for n in backwards[:-1])
    yield [*kept, "level", f"arrayFirst(began -> began >= 0, multiIf({furthest}, began_1)) AS entry"]
    took = "arrayFirst((at, began) -> began = entry, times, began_{n}) - entry"
    yield ["level", "entry", *(f"if(level >= {n}, {took.format(n=n)}, NULL) AS took_{n}" for n in range(2, count + 1))]

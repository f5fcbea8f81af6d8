"""The SQL: every value is a bound parameter, and every parameter is used."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from query_api.filtering.filters import Filters, Operator, PropertyCondition, Scope
from query_api.paging import sql
from query_api.paging.cursor import Order, Position
from query_api.paging.windows import Window
from tests.unit.query_api.strategies import filters, positions, times_us

windows = st.builds(Window, st.none() | times_us, st.none() | times_us)
HOSTILE = Filters(
    ("\x00user",),
    ("\x00session",),
    ("\x00type", "\x00other"),
    properties=tuple(
        PropertyCondition(("\x00path", "\x00member"), operator, ("\x00value", "1"))
        for operator in Operator
        if operator is not Operator.EXISTS
    ),
    scope=Scope(("\x00scope",), ("\x00scope",)),
    not_user_ids=("\x00not",),
    not_session_ids=("\x00not", "\x00nor"),
    not_types=("\x00not",),
)
PARAMETER = re.compile(r"\{(\w+):\w+\}")


@given(wanted=filters, window=windows, position=st.none() | positions, rows=st.integers(1, 10_001))
def test_values_are_bound_and_never_part_of_the_text(
    wanted: Filters, window: Window, position: Position | None, rows: int
) -> None:
    query = sql.page(wanted, window, position, rows)
    assert set(PARAMETER.findall(query.text)) == set(query.parameters)
    marked = sql.page(HOSTILE, window, position, rows)
    assert "\x00" not in marked.text
    assert query.text == sql.page(wanted, window, position, rows + 1).text


def test_a_page_reads_merged_rows_newest_first() -> None:
    text = sql.page(Filters(), Window(None, None), None, 5).text
    oldest = sql.page(Filters(), Window(None, None), None, 5, Order.ASC).text
    assert "ORDER BY time ASC, event_id ASC\n" in oldest
    assert "FROM actions FINAL\nORDER BY time DESC, event_id DESC\nLIMIT {rows:UInt32}" in text


def test_the_time_range_is_half_open_and_bounds_the_keys_first_column_too() -> None:
    query = sql.page(Filters(), Window(7, 9), None, 5)
    assert "time >= fromUnixTimestamp64Micro({lower_us:Int64}, 'UTC')" in query.text
    assert "time < fromUnixTimestamp64Micro({upper_us:Int64}, 'UTC')" in query.text
    assert "hour >= intDiv({lower_us:Int64}, 3600000000)" in query.text
    assert "hour <= intDiv({upper_us:Int64} - 1, 3600000000)" in query.text
    assert query.parameters == {"rows": 5, "lower_us": 7, "upper_us": 9}


def test_both_time_and_id_are_compared_by_clickhouse() -> None:
    text = sql.page(Filters(), Window(None, None), Position(1, uuid.UUID(int=2)), 5).text
    assert "(time, event_id) < (fromUnixTimestamp64Micro({position_us:Int64}, 'UTC'), {position_id:UUID})" in text

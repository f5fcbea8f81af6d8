"""The SQL of GET /log in the formats that ClickHouse writes, with all the settings that shape it."""

from typing import Final

from contract.record import MAX_OFFSET_MINUTES
from contract.tables import ACTIONS
from query_api.exporting.export_formats import CSV, NDJSON, Format
from query_api.filtering import conditions, hidden
from query_api.filtering.filters import Filters
from query_api.paging.cursor import Order
from query_api.query import Query

PAGE: Final = "page"  # the external table that a page's rows are sent back in
PAGE_STRUCTURE: Final = (
    "place UInt32, event_id UUID, user_id String, session_id String, type String, time_us Int64,"
    " utc_offset_minutes Int16, properties String, received_at_us Int64"
)
_FROM_PAGE: Final = (
    f"(SELECT *, fromUnixTimestamp64Micro(time_us, 'UTC') AS time,"
    f" fromUnixTimestamp64Micro(received_at_us, 'UTC') AS received_at FROM {PAGE})"
)
# The key's own order is read as it is stored, block by block, whatever the number of rows; by time, ClickHouse sorts
# each hour in memory. Neither works backwards: FINAL is not read in reverse, and all rows would be sorted.
_ORDERS: Final = {None: "hour, type, time, event_id", Order.ASC: "hour, time, event_id"}

# The client's own offset, and the moment as its clock showed it, as moments.from_us does. A dictionary of the few
# offsets there are: what depends on them alone is computed once for each.
_OFFSET: Final = f"toLowCardinality(if(abs(utc_offset_minutes) > {MAX_OFFSET_MINUTES}, 0, utc_offset_minutes))"
_LOCAL: Final = "toString(time + toIntervalMinute(shift))"
_ZONE: Final = (
    "if(shift = 0, 'Z', concat(if(shift < 0, '-', '+'), leftPad(toString(intDiv(abs(shift), 60)), 2, '0'), ':',"
    " leftPad(toString(abs(shift) % 60), 2, '0')))"
)
_RFC3339: Final = "concat(substring({0}, 1, 10), 'T', substring({0}, 12, if(endsWith({0}, '.000000'), 8, 15)), {1})"
_TIME: Final = _RFC3339.format("local", _ZONE)
_RECEIVED: Final = _RFC3339.format("toString(received_at)", "'Z'")
# JSON has line ends between its tokens only, where a space says the same: a line of NDJSON must be one. What is no
# object (stored by others) becomes a string, so that the line is JSON.
_ONE_LINE: Final = "if(startsWith(shown, '{'), translate(shown, '\\n\\r', '  '), toJSONString(shown))"
_LINE: Final = (
    """concat('{"id":"', toString(event_id), '","userId":', toJSONString(user_id), ',"sessionId":',"""
    f""" toJSONString(session_id), ',"time":"', {_TIME}, '","type":', toJSONString(type), ',"properties":',"""
    f""" {_ONE_LINE}, '}}') AS line"""
)
_TEXT_COLUMNS: Final = (
    f"event_id AS id, user_id AS userId, session_id AS sessionId, {_TIME} AS time, type, shown AS properties,"
    f" {_RECEIVED} AS receivedAt"
)
_TYPED_COLUMNS: Final = (
    "toString(event_id) AS id, user_id AS userId, session_id AS sessionId, time, toString(type) AS type,"
    " shown AS properties, received_at AS receivedAt, utc_offset_minutes AS utcOffsetMinutes"
)


def export(filters: Filters, fmt: Format, order: Order | None) -> Query:
    """Everything that meets the filters, in the key's order (hour, type, time, id), or by (time, id)."""
    where = conditions.of(filters)
    shown = hidden.column(where, filters.scope)
    text = f"{_select(fmt, shown)}\nFROM {ACTIONS} FINAL\n{where.where()}ORDER BY {_ORDERS[order]}\n{_settings(fmt)}"
    return Query(text, where.parameters)


def page(fmt: Format) -> Query:
    """The rows of the external table PAGE, as they are."""
    return Query(f"{_select(fmt, 'properties')}\nFROM {_FROM_PAGE}\nORDER BY place\n{_settings(fmt)}", {})


def _select(fmt: Format, shown: str) -> str:
    columns = _LINE if fmt is NDJSON else _TEXT_COLUMNS if fmt is CSV else _TYPED_COLUMNS
    return f"WITH {shown} AS shown, {_OFFSET} AS shift, {_LOCAL} AS local\nSELECT {columns}"


def _settings(fmt: Format) -> str:
    # The columns answered are named as in JSON, and some as columns of the table: conditions mean the latter.
    settings = {"prefer_column_name_to_alias": 1, **fmt.settings}
    listed = ", ".join(f"{name} = {value!r}" for name, value in settings.items())
    return f"SETTINGS {listed}"

"""The SQL of GET /log. Values are bound as ClickHouse parameters; identifiers and conditions come from here alone."""

from typing import Final

from contract.tables import ACTIONS
from query_api.filtering import conditions, hidden
from query_api.filtering.filters import Filters
from query_api.paging.cursor import Order, Position
from query_api.paging.windows import Window
from query_api.query import Query

# In the order of formats.Row.
_COLUMNS: Final = (
    "event_id, user_id, session_id, type, toUnixTimestamp64Micro(time), utc_offset_minutes"  # and the two below
)
_RECEIVED_AT: Final = "toUnixTimestamp64Micro(received_at)"


def page(filters: Filters, window: Window, position: Position | None, rows: int, order: Order = Order.DESC) -> Query:
    """The first ``rows`` actions, in this order, in the window that meet the filters and lie beyond the position."""
    where = conditions.of(filters, window)
    if position is not None:
        # ClickHouse orders UUIDs by their second half first: let it compare them, here as in ORDER BY.
        beyond = "<" if order is Order.DESC else ">"
        moment = conditions.moment(where, "position_us", position.time_us)
        where.add(f"(time, event_id) {beyond} ({moment}, {where.bind('position_id', 'UUID', str(position.event_id))})")
    direction = order.upper()
    columns = f"{_COLUMNS}, {hidden.column(where, filters.scope)}, {_RECEIVED_AT}"
    text = (
        f"SELECT {columns}\nFROM {ACTIONS} FINAL\n{where.where()}"
        f"ORDER BY time {direction}, event_id {direction}\nLIMIT {where.bind('rows', 'UInt32', rows)}"
    )
    return Query(text, where.parameters)


def extent() -> Query:
    """Oldest and newest time and rows per month, newest first: answered from the parts' metadata, without FINAL.

    While rows deleted by a lightweight DELETE are not merged away yet, ClickHouse reads the column `time` for it.
    """
    return Query(
        "SELECT toUnixTimestamp64Micro(min(time)), toUnixTimestamp64Micro(max(time)), count()\n"
        f"FROM {ACTIONS}\nGROUP BY toYYYYMM(time)\nORDER BY toYYYYMM(time) DESC",
        {},
    )


def check() -> Query:
    """Reads nothing; refused unless the table and its columns are there."""
    return Query(f"SELECT {_COLUMNS}, properties, received_at, hour\nFROM {ACTIONS}\nLIMIT 0", {})

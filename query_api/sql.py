"""The SQL of query_api. Values are bound as ClickHouse parameters; identifiers and conditions come from here alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from contract.tables import ACTIONS
from query_api.cursor import Position
from query_api.filters import Filters
from query_api.windows import Window

# In the order of formats.Row.
_COLUMNS: Final = (
    "event_id, user_id, session_id, type, toUnixTimestamp64Micro(time), utc_offset_minutes, properties"  # as in Row
)
_FORMAT: Final = "JSONCompactEachRowWithNames"  # the names show that an answer without rows is whole
_MICROSECONDS: Final = "fromUnixTimestamp64Micro({{{name}:Int64}}, 'UTC')"
_HOUR: Final = "intDiv({{{name}:Int64}}{less}, 3600000000)"


@dataclass(frozen=True, slots=True)
class Query:
    """SQL and the values of its {name:Type} parameters."""

    text: str
    parameters: Mapping[str, str | int]


def page(filters: Filters, window: Window, position: Position | None, rows: int) -> Query:
    """The newest ``rows`` actions in the window that meet the filters and lie below the position."""
    conditions: list[str] = []
    parameters: dict[str, str | int] = {"rows": rows}
    if filters.user_id is not None:
        conditions.append("user_id = {user_id:String}")
        parameters["user_id"] = filters.user_id
    if filters.type is not None:
        conditions.append("type = {type:String}")
        parameters["type"] = filters.type
    _bound_time(window, conditions, parameters)
    if position is not None:
        # ClickHouse orders UUIDs by their second half first: let it compare them, here as in ORDER BY.
        moment = _MICROSECONDS.format(name="position_us")
        conditions.append(f"(time, event_id) < ({moment}, {{position_id:UUID}})")
        parameters["position_us"] = position.time_us
        parameters["position_id"] = str(position.event_id)
    where = f"WHERE {' AND '.join(conditions)}\n" if conditions else ""
    text = (
        f"SELECT {_COLUMNS}\nFROM {ACTIONS} FINAL\n{where}"
        f"ORDER BY time DESC, event_id DESC\nLIMIT {{rows:UInt32}}\nFORMAT {_FORMAT}"
    )
    return Query(text, parameters)


def _bound_time(window: Window, conditions: list[str], parameters: dict[str, str | int]) -> None:
    """Bound the time, and the hour with it: the table's key begins with the hour and prunes by nothing else."""
    if window.lower_us is not None:
        conditions.append(f"time >= {_MICROSECONDS.format(name='lower_us')}")
        conditions.append(f"hour >= {_HOUR.format(name='lower_us', less='')}")
        parameters["lower_us"] = window.lower_us
    if window.upper_us is not None:
        conditions.append(f"time < {_MICROSECONDS.format(name='upper_us')}")
        conditions.append(f"hour <= {_HOUR.format(name='upper_us', less=' - 1')}")
        parameters["upper_us"] = window.upper_us


def extent() -> Query:
    """Oldest and newest time and rows per month, newest first: answered from the parts' metadata, without FINAL.

    While rows deleted by a lightweight DELETE are not merged away yet, ClickHouse reads the column `time` for it.
    """
    return Query(
        "SELECT toUnixTimestamp64Micro(min(time)), toUnixTimestamp64Micro(max(time)), count()\n"
        f"FROM {ACTIONS}\nGROUP BY toYYYYMM(time)\nORDER BY toYYYYMM(time) DESC\nFORMAT {_FORMAT}",
        {},
    )


def check() -> Query:
    """Reads nothing; refused unless the table and its columns are there."""
    return Query(f"SELECT {_COLUMNS}, hour\nFROM {ACTIONS}\nLIMIT 0\nFORMAT {_FORMAT}", {})

"""The SQL of GET /log/dead-letters: records that could not be stored, newest first."""

from typing import Final

import msgspec

from contract.tables import DEAD_LETTERS
from query_api.filtering import conditions
from query_api.filtering.conditions import Conditions
from query_api.filtering.filters import Filters
from query_api.paging.cursor import Position
from query_api.query import Query

_IDENTITY: Final = "topic, partition, offset, event_id"  # the table's key
_ORDER: Final = "ORDER BY stored_at DESC, event_id DESC"


class LetterRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """In the order of the columns in ``newest``; times in milliseconds since 1970, key and value cut."""

    event_id: str
    partition: int
    offset: int
    recorded_ms: int
    stored_ms: int
    reason: str
    error_code: int
    key: str
    value: str
    truncated: int


def newest(filters: Filters, topic: str, position: Position | None, rows: int, most_bytes: int) -> Query:
    """The first ``rows`` letters that were stored in the filters' time and lie beyond the position.

    Keys and values, which may be large, are read of those alone.
    """
    where = Conditions()
    where.add(f"topic = {where.bind('topic', 'String', topic)}")
    if filters.start_us is not None:
        where.add(f"stored_at >= {conditions.moment(where, 'lower_us', filters.start_us)}")
    if filters.end_us is not None:
        where.add(f"stored_at < {conditions.moment(where, 'upper_us', filters.end_us)}")
    if position is not None:
        moment = conditions.moment(where, "position_us", position.time_us)
        identity = where.bind("position_id", "UUID", str(position.event_id))
        where.add(f"(stored_at, event_id) < ({moment}, {identity})")
    limit = where.bind("rows", "UInt32", rows)
    most = where.bind("bytes", "UInt32", most_bytes)
    wanted = f"SELECT {_IDENTITY}\n  FROM {DEAD_LETTERS} FINAL\n  {where.where()}  {_ORDER}\n  LIMIT {limit}"
    columns = (
        "event_id, partition, offset, toUnixTimestamp64Milli(recorded_at), toUnixTimestamp64Milli(stored_at), reason, "
        f"error_code, substring(key, 1, {most}), substring(value, 1, {most}), "
        f"length(key) > {most} OR length(value) > {most}"
    )
    text = f"SELECT {columns}\nFROM {DEAD_LETTERS} FINAL\nWHERE ({_IDENTITY}) IN (\n  {wanted})\n{_ORDER}"
    return Query(text, where.parameters)

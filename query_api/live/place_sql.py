"""The SQL of GET /log/{id}: one action by its id, among the actions and among the dead letters."""

import uuid
from typing import Final

import msgspec

from contract.tables import ACTIONS, DEAD_LETTERS
from query_api.filtering import conditions, hidden
from query_api.filtering.filters import Filters, Scope
from query_api.paging.windows import Window
from query_api.query import Query

_HOUR_US: Final = 3_600_000_000
_MAX_US: Final = 7_258_118_400_000_000  # the end of the accepted times
_TIME_ORDERED: Final = 7  # UUIDv7: its first 48 bits are milliseconds since 1970


class StoredRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """In the order of the columns in ``stored``; times in micro- or milliseconds since 1970, 0 where unknown."""

    event_id: str
    user_id: str
    session_id: str
    type: str
    time_us: int
    utc_offset_minutes: int
    partition: int
    offset: int
    received_us: int
    stored_ms: int
    properties: str


class DeadLetterRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """In the order of the columns in ``dead_letter``; the time in milliseconds since 1970."""

    partition: int
    offset: int
    stored_ms: int
    reason: str
    error_code: int


def windows(event_id: uuid.UUID, scope: Scope) -> list[Window]:
    """Where to look, one after the other: a UUIDv7 was made when its action happened, most often."""
    everything = Window(scope.start_us, scope.end_us)
    if event_id.version != _TIME_ORDERED:
        return [everything]
    made_us = min((event_id.int >> 80) * 1000, _MAX_US)
    near = Window(
        max(made_us - _HOUR_US, scope.start_us or 0),
        min(made_us + _HOUR_US, _MAX_US if scope.end_us is None else scope.end_us),
    )
    return [near, everything]


def stored(event_id: uuid.UUID, scope: Scope, window: Window) -> Query:
    """The action; where a client sent several under one id, the one it sent first."""
    where = conditions.of(Filters(scope=scope), window)
    where.add(f"event_id = {where.bind('id', 'UUID', str(event_id))}")
    columns = (
        "event_id, user_id, session_id, type, toUnixTimestamp64Micro(time), utc_offset_minutes, partition, offset, "
        "toUnixTimestamp64Micro(received_at), toUnixTimestamp64Milli(stored_at)"
    )
    text = (
        f"SELECT {columns}, {hidden.column(where, scope)}\nFROM {ACTIONS} FINAL\n{where.where()}"
        "ORDER BY received_at, partition, offset\nLIMIT 1"
    )
    return Query(text, where.parameters)


def dead_letter(event_id: uuid.UUID, topic: str) -> Query:
    """The latest record of this id that was put aside, where its value can be read as JSON."""
    text = (
        "SELECT partition, offset, toUnixTimestamp64Milli(stored_at), reason, error_code\n"
        f"FROM {DEAD_LETTERS} FINAL\n"
        "WHERE topic = {topic:String} AND lower(JSONExtractString(value, 'event_id')) = {id:String}\n"
        "ORDER BY recorded_at DESC\nLIMIT 1"
    )
    return Query(text, {"topic": topic, "id": str(event_id)})

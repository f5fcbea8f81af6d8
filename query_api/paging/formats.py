"""Rows as ClickHouse answers them → the bytes of an answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from query_api.filtering.moments import from_us


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One row as a JSON array, in the order of the columns in ``sql``; time in us since 1970, UTC."""

    event_id: str
    user_id: str
    session_id: str
    type: str
    time_us: int
    utc_offset_minutes: int
    properties: str
    received_at_us: int = 0


class Action(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One action of an answer; time in the client's own offset, properties the client's bytes."""

    id: str
    user_id: str
    session_id: str
    time: datetime
    type: str
    properties: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The body of GET /log."""

    actions: list[Action]
    next: str | None


_any_json: Final = msgspec.json.Decoder(msgspec.Raw)
_encoder: Final = msgspec.json.Encoder()


def encode_json(rows: Sequence[Row], next_cursor: str | None) -> bytes:
    """The body of GET /log in JSON."""
    return _encoder.encode(Answer([_action(row) for row in rows], next_cursor))


def encode_table(rows: Sequence[Row]) -> bytes:
    """The rows in JSONCompactEachRow, each with its place before it, as export_sql.PAGE_STRUCTURE says."""
    return b"\n".join(_encoder.encode((place, *msgspec.structs.astuple(row))) for place, row in enumerate(rows))


def _action(row: Row) -> Action:
    return Action(
        row.event_id,
        row.user_id,
        row.session_id,
        from_us(row.time_us, row.utc_offset_minutes),
        row.type,
        embeddable(row.properties),
    )


def embeddable(properties: str) -> msgspec.Raw:
    """The stored text as it is; as a JSON string where it is no JSON (stored by others), so that the answer is."""
    stored = properties.encode()
    try:
        _any_json.decode(stored)
    except (msgspec.DecodeError, RecursionError):
        stored = _encoder.encode(properties)
    return msgspec.Raw(stored)

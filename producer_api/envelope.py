"""The requests of POST /log, from bytes to records: one envelope, an array of envelopes, or one envelope a line.

The good path is one strict decode of the whole body. Only when that fails is the body read again, piece by piece
(second_reading.py), to keep what is valid and to name what is wrong; a good request pays nothing for it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from contract.record import Columns, encode_all
from producer_api.fields import (
    Refused,
    accept_all_properties,
    accept_id,
    accept_name,
    accept_time,
    accept_type_as_json,
    skew_ms,
)
from producer_api.new_ids import new_ids
from producer_api.reading import EncodedRecords


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One action as a client sends it."""

    time: Annotated[datetime, Meta(tz=True)]
    type: str
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | UnsetType = UNSET


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Some actions of one user in one session."""

    user_id: str
    session_id: str
    actions: Sequence[Action] = ()
    sent_at: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """What there is to know of a request beside its body.

    received_at  UTC, this service's clock
    max_actions  of the whole request; also the most envelopes
    lines        whether the body is one envelope a line (NDJSON)
    new_id       the id of an action that brings none, from its user and its position in the request; None: a UUIDv7
    """

    received_at: datetime
    max_actions: int
    lines: bool = False
    new_id: Callable[[str, int], str] | None = None


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What the actions of one envelope have in common."""

    user_id: str
    session_id: str
    clock_skew_ms: int | None


# What decoding client bytes can raise. msgspec checks UTF-8 where it makes strings, and nesting by Python's own limit.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused)

_one_or_many = msgspec.json.Decoder(Envelope | list[Envelope]).decode
_one = msgspec.json.Decoder(Envelope).decode


def read_strictly(body: bytes, arrival: Arrival) -> list[EncodedRecords]:
    """The records of a body in which everything is valid; raises one of UNREADABLE at the first thing that is not."""
    if arrival.lines:
        envelopes: Envelope | list[Envelope] = [_one(line) for _, line in lines_of(body)]
    else:
        envelopes = _one_or_many(body)
    if isinstance(envelopes, Envelope):
        envelopes = [envelopes]
    accept_count(len(envelopes), arrival.max_actions, "envelopes")
    records: list[EncodedRecords] = []
    event_ids: list[str] = []
    for envelope in envelopes:
        of_one = _records(envelope, arrival, len(event_ids))
        if of_one.values:
            records.append(of_one)
            event_ids += of_one.event_ids
    if len(event_ids) > 1 and len(set(event_ids)) < len(event_ids):
        raise Refused("holds the same id twice")
    return records


def _records(envelope: Envelope, arrival: Arrival, position: int) -> EncodedRecords:
    accept_count(position + len(envelope.actions), arrival.max_actions)
    accept_all_properties([action.properties for action in envelope.actions])
    origin = to_origin(envelope.user_id, envelope.session_id, envelope.sent_at, arrival)
    return to_records(envelope.actions, position, origin, arrival)


def lines_of(body: bytes) -> list[tuple[int, bytes]]:
    """The lines that hold anything, each with its number, which counts the empty ones too."""
    return [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line and not line.isspace()]


def accept_count(count: int, most: int, what: str = "actions") -> None:
    """Raise Refused when a request holds too many."""
    if count > most:
        raise Refused(f"must hold at most {most} {what}, holds {count}")


def to_origin(user_id: str, session_id: str, sent_at: datetime | UnsetType, arrival: Arrival) -> Origin:
    """What an envelope says about all its actions; raises Refused."""
    skew = None if sent_at is UNSET else skew_ms(sent_at, arrival.received_at)
    return Origin(accept_name(user_id), accept_name(session_id), skew)


def to_records(actions: Sequence[Action], position: int, origin: Origin, arrival: Arrival) -> EncodedRecords:
    """The records of some actions, the first at ``position`` in the request; raises one of UNREADABLE.

    The caller has seen to their properties. One loop, with what is nearly always so decided in it.
    """
    user_id, skew, new_id = origin.user_id, origin.clock_skew_ms, arrival.new_id
    event_ids = (
        new_ids(len(actions)) if new_id is None else [new_id(user_id, position + n) for n in range(len(actions))]
    )
    times: list[datetime] = []
    offsets: dict[int, int] = {}
    for action in actions:
        time = action.time
        if time.tzinfo is not UTC or not 1970 < time.year < 2199:
            time, offsets[len(times)] = accept_time(time)
        if action.id is not UNSET:
            event_ids[len(times)] = accept_id(action.id)
        times.append(time)
    types = [accept_type_as_json(action.type) for action in actions]
    columns = Columns(event_ids, types, times, offsets, [action.properties for action in actions])
    values = encode_all(user_id, origin.session_id, arrival.received_at, skew, columns)
    return EncodedRecords(user_id, skew, event_ids, values)

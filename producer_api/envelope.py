"""The request of POST /log, from bytes to records.

The good path is one strict decode of the whole body. Only when that fails is the body read again field by field
(field_by_field.py), so that the answer names every wrong field; a good request pays nothing for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType
from uuid_utils import uuid7

from contract.record import ActionRecord
from producer_api.fields import Refused, accept_id, accept_name, accept_properties, accept_time, accept_type


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One action as a client sends it."""

    time: Annotated[datetime, Meta(tz=True)]
    type: str
    properties: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | UnsetType = UNSET


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /log: some actions of one user in one session."""

    user_id: str
    session_id: str
    actions: Sequence[Action] = ()


class Invalid(NamedTuple):
    """One wrong field. ``action`` is the position of its action, None when the envelope itself is wrong."""

    action: int | None
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body holds: the records of its valid actions, in their order, and every wrong field."""

    records: Sequence[ActionRecord]
    errors: Sequence[Invalid] = ()


# What decoding client bytes can raise. msgspec checks UTF-8 where it makes strings, and nesting by Python's own limit.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused)

_decoder = msgspec.json.Decoder(Envelope)


def read_strictly(body: bytes, received_at: datetime, *, max_actions: int) -> list[ActionRecord]:
    """The records of a body in which everything is valid; raises one of UNREADABLE at the first thing that is not."""
    envelope = _decoder.decode(body)
    user_id = accept_name(envelope.user_id)
    session_id = accept_name(envelope.session_id)
    accept_count(len(envelope.actions), max_actions)
    return [to_record(action, user_id, session_id, received_at) for action in envelope.actions]


def accept_count(actions: int, max_actions: int) -> None:
    """Raise Refused when a request holds too many actions."""
    if actions > max_actions:
        raise Refused(f"must hold at most {max_actions} actions, holds {actions}")


def to_record(action: Action, user_id: str, session_id: str, received_at: datetime) -> ActionRecord:
    """The record of one action; raises one of UNREADABLE. An action without an id gets a new one, ordered by time."""
    time, utc_offset_minutes = accept_time(action.time)
    return ActionRecord(
        event_id=str(uuid7()) if action.id is UNSET else accept_id(action.id),
        user_id=user_id,
        session_id=session_id,
        type=accept_type(action.type),
        time=time,
        utc_offset_minutes=utc_offset_minutes,
        received_at=received_at,
        properties=accept_properties(action.properties),
    )

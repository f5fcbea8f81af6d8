"""What a body turned out to hold."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class EncodedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record ready for the topic, and what is still needed of it. ``value``: contract.record.encode's bytes."""

    event_id: str
    user_id: str
    value: bytes
    clock_skew_ms: int | None


class Invalid(NamedTuple):
    """One thing that is wrong.

    action   the position of its action in the whole request; None when it is no single action's
    path     where: ``$.actions[1].time``, ``$[3].actions[1].time``, ``line 4: $.actions[1].time``
    reason   for people
    field    the field's known name, or what it is instead: one of a few words, for the metrics
    """

    action: int | None
    path: str
    reason: str
    field: str


class Reading(msgspec.Struct, frozen=True):
    """The valid actions of a body, and the others.

    records   the records of the valid actions, in their order
    rejected  one entry for each action that is not among them. An envelope whose actions cannot be told has one
              entry as a whole, without an index
    errors    everything that is wrong: of one action, each wrong field
    """

    records: Sequence[EncodedRecord]
    rejected: Sequence[Invalid] = ()
    errors: Sequence[Invalid] = ()

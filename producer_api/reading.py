"""What a body turned out to hold."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec


class EncodedRecord(NamedTuple):
    """A record ready for the topic, and what is still needed of it. ``value``: contract.record.encode's bytes."""

    event_id: str
    user_id: str
    value: bytes


class EncodedRecords(msgspec.Struct, frozen=True):
    """The records of one envelope, as columns: while many requests wait for Kafka, an object less for each counts.

    event_ids, values   of its records, in their order; see EncodedRecord
    """

    user_id: str
    clock_skew_ms: int | None
    event_ids: list[str]
    values: list[bytes]


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

    envelopes the records of the valid actions, in their order; of envelopes that hold any
    rejected  one entry for each action that is not among them. An envelope whose actions cannot be told has one
              entry as a whole, without an index
    errors    everything that is wrong: of one action, each wrong field
    """

    envelopes: Sequence[EncodedRecords]
    rejected: Sequence[Invalid] = ()
    errors: Sequence[Invalid] = ()

    @property
    def event_ids(self) -> list[str]:
        """Of all records."""
        return [event_id for envelope in self.envelopes for event_id in envelope.event_ids]

    @property
    def records(self) -> list[EncodedRecord]:
        """One by one, for who looks at each."""
        return list(one_by_one(self.envelopes))


def one_by_one(envelopes: Iterable[EncodedRecords]) -> Iterator[EncodedRecord]:
    """The records of all envelopes."""
    for envelope in envelopes:
        for event_id, value in zip(envelope.event_ids, envelope.values, strict=True):
            yield EncodedRecord(event_id, envelope.user_id, value)

"""Records as the topic has them, made up."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from uuid_utils import uuid7

from consumer.batch import Batch
from contract.record import ActionRecord, encode

NOON = datetime(2026, 3, 14, 12, 0, 0, 250_000, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """What a consumer reads."""

    offset: int
    value: bytes | None
    key: bytes | None = b"user"
    timestamp: int = 1_700_000_000_000


def action(
    *, event_id: str | None = None, user_id: str = "user", time: datetime = NOON, properties: bytes = b'{"x": 1}'
) -> ActionRecord:
    return ActionRecord(
        event_id or str(uuid7()), user_id, "session", "CLICK", time, -360, NOON, msgspec.Raw(properties)
    )


def record(offset: int, item: ActionRecord | None = None) -> Record:
    return Record(offset, encode(item or action()))


def batch(*records: Record) -> Batch:
    """Of partition 0, as the source makes it."""
    return Batch.of("actions", 0, records)

"""aiokafka's own C records, as they are.

aiokafka copies each record that it has unpacked into a Python object of twelve fields, of which the sink reads four:
that copy was a third of the CPU time of fetching. The C record has the same four under the same names. aiokafka offers
no way to leave the copy out, so its class is taught one: for consumers that ask for it, and for no other in the
process. The version is pinned, and tests/integration/consumer/test_source.py holds what the records look like.
"""

from typing import Any, Final

from aiokafka.consumer.fetcher import PartitionRecords

_copied: Final = PartitionRecords._consumer_record


def _leave_key(key: bytes | None) -> bytes | None:
    return key


# A consumer with this ``key_deserializer`` gets C records: offset, timestamp, key, value, headers.
LIGHT: Final = _leave_key


def _record(self: PartitionRecords, partition: Any, record: Any) -> Any:
    return record if self._key_deserializer is LIGHT else _copied(self, partition, record)  # type: ignore[no-untyped-call]


def install() -> None:
    """Teach aiokafka what LIGHT means; again changes nothing."""
    PartitionRecords._consumer_record = _record  # type: ignore[method-assign]

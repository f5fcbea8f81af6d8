"""Kafka's batches as they come, instead of the single records that aiokafka hands out.

aiokafka copies each record that it has unpacked into a Python object of twelve fields. A sink of thousands of records a
millisecond can't afford that, nor to hold the records until their block is stored: it makes something of a batch while
its records are in the processor's cache, keeps that, and lets them go. aiokafka offers no way to do so, so its classes
are taught one: for consumers that ask for it, and for no other in the process. Checksums, aborted transactions, control
records and positions remain aiokafka's. The version is pinned, and tests/integration/consumer/test_source.py holds what
is read.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from struct import Struct
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.memory_records import MemoryRecords

from consumer.topic_record import TopicRecord

Reread = Callable[[], Sequence[TopicRecord]]

_unpacked_one_by_one: Final = PartitionRecords._unpack_records
_copied: Final = PartitionRecords._consumer_record
_BEFORE_LENGTH: Final = 8  # bytes of a batch, in every version of the format
_LENGTH: Final = Struct(">i")  # of what follows it


class PerBatch:
    """A consumer with this ``key_deserializer`` gets, in place of records, what ``make`` answers for each batch.

    ``make(partition, records, reread)`` is given the records from the fetch's offset on, one at least; their keys,
    values, offsets and timestamps are as they were written. ``reread()`` unpacks the same records again.
    """

    def __init__(self, make: Callable[[TopicPartition, Sequence[TopicRecord], Reread], object]) -> None:
        self.make = make

    def __call__(self, key: bytes | None) -> bytes | None:
        return key


class _Fetched:
    """aiokafka's MemoryRecords, the records of one partition in a fetch's answer, with the bytes beside them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        records = MemoryRecords(data)
        self.has_next, self.next_batch, self.size_in_bytes = records.has_next, records.next_batch, records.size_in_bytes


class _WholeBatches:
    """The same, with batches that are iterated over as one."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._records = MemoryRecords(data)
        self.has_next = self._records.has_next

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        begin = self._at
        self._at += _BEFORE_LENGTH + _LENGTH.size + _LENGTH.unpack_from(self._data, begin + _BEFORE_LENGTH)[0]
        assert batch is not None  # noqa: S101 - has_next() was asked
        return batch if batch.is_control_batch else _WholeBatch(batch, self._data[begin : self._at])


class _WholeBatch:
    """One of aiokafka's batches, which gives all its records as one."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data
        # What aiokafka asks of a batch; as attributes, since a batch may hold a single record.
        self.validate_crc = batch.validate_crc
        self.producer_id = batch.producer_id
        self.is_control_batch = False
        self.is_transactional = batch.is_transactional
        self.next_offset = batch.next_offset

    @property
    def base_offset(self) -> int:
        """Asked for only where there is a producer_id; the oldest formats have neither."""
        return int(self._batch.base_offset)

    def __iter__(self) -> Iterator["_Together"]:
        records = list(self._batch)
        return iter([_Together(records, self._data)] if records else [])


class _Together:
    """A batch's records. To aiokafka it is one record, that of the last offset."""

    def __init__(self, records: list[Any], data: memoryview) -> None:
        self.offset: int = records[-1].offset
        self.records = records
        self.data = data

    def since(self, offset: int) -> Sequence[TopicRecord]:
        """A fetch may begin in the middle of a batch."""
        if self.records[0].offset >= offset:
            return self.records
        return [record for record in self.records if record.offset >= offset]

    def reread_since(self, offset: int) -> Reread:
        return partial(_reread, self.data, offset)


def _reread(data: memoryview, offset: int) -> Sequence[TopicRecord]:
    batch: Any = MemoryRecords(bytes(data)).next_batch()
    return [record for record in batch if record.offset >= offset]


def _unpack(self: PartitionRecords) -> Any:
    if isinstance(self._key_deserializer, PerBatch):
        self._records = _WholeBatches(self._records.data)
    return _unpacked_one_by_one(self)  # type: ignore[no-untyped-call]


def _handed_out(self: PartitionRecords, partition: Any, record: Any) -> Any:
    if not isinstance(record, _Together):
        return _copied(self, partition, record)  # type: ignore[no-untyped-call]
    start = self.next_fetch_offset
    return self._key_deserializer.make(partition, record.since(start), record.reread_since(start))


def install() -> None:
    """Teach aiokafka what PerBatch means; again changes nothing."""
    fetcher.MemoryRecords = _Fetched  # type: ignore[attr-defined]
    PartitionRecords._unpack_records = _unpack  # type: ignore[method-assign]
    PartitionRecords._consumer_record = _handed_out  # type: ignore[method-assign]

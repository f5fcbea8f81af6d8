"""A Kafka producer whose acknowledgements a test gives by hand, for the promises that are about timing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from producer_api.delivery import UNKNOWN_OFFSET, Batch
from producer_api.lanes import Settled


@dataclass
class FakeBatch:
    """Holds up to ``max_records`` records."""

    max_records: int
    values: list[bytes] = field(default_factory=list)

    def add(self, key: bytes, values: Sequence[bytes], first: int) -> int:
        room = self.max_records - len(self.values)
        added = values[first : first + room]
        self.values += added
        return first + len(added)

    def record_count(self) -> int:
        return len(self.values)

    def size(self) -> int:
        return sum(map(len, self.values))


class FakeKafka:
    """Records every batch sent; ``acknowledge()`` and ``refuse()`` end the oldest one of a partition."""

    def __init__(self, max_records: int = 100) -> None:
        self.sent: list[tuple[int, list[bytes]]] = []
        self.forgetful = False  # acknowledges, but does not say at which offset
        self._max_records = max_records
        self._settled: dict[int, Settled] = {}

    def create_batch(self, size_bytes: int) -> FakeBatch:
        return FakeBatch(self._max_records)

    def send(self, batch: Batch, partition: int, settled: Settled) -> None:
        assert isinstance(batch, FakeBatch)
        assert partition not in self._settled, "two batches in flight on one partition"
        self.sent.append((partition, list(batch.values)))
        self._settled[partition] = settled

    def acknowledge(self, partition: int = 0) -> None:
        before = [values for sent_to, values in self.sent if sent_to == partition][:-1]
        self._settled.pop(partition)(UNKNOWN_OFFSET if self.forgetful else sum(map(len, before)))

    def refuse(self, error: Exception, partition: int = 0) -> None:
        self._settled.pop(partition)(error)

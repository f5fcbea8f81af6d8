"""A Kafka producer whose acknowledgements a test gives by hand, for the promises that are about timing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from producer_api.delivery import UNKNOWN_OFFSET, Batch


@dataclass
class FakeBatch:
    """Holds up to ``max_records`` records."""

    max_records: int
    values: list[bytes] = field(default_factory=list)

    def append(
        self,
        *,
        timestamp: None,
        key: bytes,
        value: bytes,
        headers: Sequence[tuple[str, bytes]],
    ) -> object | None:
        if len(self.values) == self.max_records:
            return None
        self.values.append(value)
        return self

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
        self._acks: dict[int, asyncio.Future[None]] = {}

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self._max_records)

    async def send(self, batch: Batch, partition: int) -> int:
        assert isinstance(batch, FakeBatch)
        assert partition not in self._acks, "two batches in flight on one partition"
        first = sum(len(values) for sent_to, values in self.sent if sent_to == partition)
        self.sent.append((partition, list(batch.values)))
        self._acks[partition] = asyncio.get_running_loop().create_future()
        await self._acks[partition]
        return UNKNOWN_OFFSET if self.forgetful else first

    def acknowledge(self, partition: int = 0) -> None:
        self._acks.pop(partition).set_result(None)

    def refuse(self, error: Exception, partition: int = 0) -> None:
        self._acks.pop(partition).set_exception(error)

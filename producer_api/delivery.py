"""One request's way to Kafka's acknowledgement: its records, its share of the bytes in flight, its outcome."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from producer_api import metrics

_RECORD_OVERHEAD_BYTES = 40  # record header, `schema` header, lengths

# Kafka holds the batch, and does not know any more where: a repeat of one it has long forgotten.
UNKNOWN_OFFSET = -1


class PublishError(Exception):
    """A request's records are not known to be stored.

    OverloadedError           our bound is reached
    KafkaUnavailableError     Kafka or its topic is away
    UnacknowledgedError       sent, perhaps stored
    """

    code = "publish-error"


class OverloadedError(PublishError):
    """The bound of bytes in flight is reached; nothing of the request was published."""

    code = "overloaded"


class KafkaUnavailableError(PublishError):
    """There is no connection to Kafka, or no topic; nothing of the request was published."""

    code = "kafka-unavailable"


class UnacknowledgedError(PublishError):
    """Kafka has not acknowledged the request's records; some or all of them may be stored."""

    code = "unacknowledged"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}; the actions may be stored or not. Sending them again with the same ids is safe, "
            "without ids it may store them twice."
        )


# Runs of records with the same key: the key and their values, in their order.
Runs = Sequence[tuple[bytes, Sequence[bytes]]]


class Batch(Protocol):
    """A Kafka batch being filled."""

    def add(self, key: bytes, values: Sequence[bytes], first: int) -> int:
        """Append a run's records from position ``first`` on, while there is room; the position after the last."""

    def record_count(self) -> int:
        """Records in the batch."""

    def size(self) -> int:
        """Bytes of the batch so far."""


class Budget:
    """The bytes that may be in flight at once."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.used_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Reserve bytes; raises OverloadedError when they are not there."""
        if self.used_bytes + size_bytes > self._max_bytes:
            raise OverloadedError(
                f"{self.used_bytes} bytes already wait for Kafka's acknowledgement, of {self._max_bytes} at most; "
                "nothing of this request was published."
            )
        self.used_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Release bytes that were taken."""
        self.used_bytes -= size_bytes

    def show(self) -> None:
        """Tell the metric, which costs more than counting: to be called once for many requests."""
        metrics.INFLIGHT_BYTES.set(self.used_bytes)


class Delivery:
    """One request's wait: over when every part of it is acknowledged, or when the first one fails.

    future   resolves to the offset of the last record on each partition; UNKNOWN_OFFSET where Kafka did not say
    """

    __slots__ = ("_offsets", "_parts_open", "future")

    def __init__(self, loop: asyncio.AbstractEventLoop, parts: int) -> None:
        self.future: asyncio.Future[dict[int, int]] = loop.create_future()
        self._parts_open = parts
        self._offsets: dict[int, int] = {}

    def part_acknowledged(self, partition: int, last_offset: int) -> None:
        self._offsets[partition] = last_offset
        self._parts_open -= 1
        if self._parts_open == 0 and not self.future.done():
            self.future.set_result(self._offsets)

    def fail(self, reason: str) -> None:
        if not self.future.done():
            self.future.set_exception(UnacknowledgedError(reason))


def size_bytes(runs: Runs) -> int:
    """Bytes that the records occupy in a batch, about."""
    return sum([len(values) * (_RECORD_OVERHEAD_BYTES + len(key)) + sum(map(len, values)) for key, values in runs])


class Part:
    """The records of one request that go to one partition, sent in order.

    last    position of its last record in the batch that holds it, once it is filled in
    """

    __slots__ = ("_next", "_run", "_runs", "delivery", "last", "size_bytes")

    def __init__(self, delivery: Delivery, runs: Runs) -> None:
        self.delivery = delivery
        self.size_bytes = size_bytes(runs)
        self.last = 0
        self._runs = runs
        self._run = self._next = 0  # the run, and the record in it, that is the next to be sent

    def fill(self, batch: Batch) -> bool:
        """Append the records not yet sent; False when the batch was full before the last one."""
        while self._run < len(self._runs):
            key, values = self._runs[self._run]
            self._next = batch.add(key, values, self._next)
            if self._next < len(values):
                return False
            self._run, self._next = self._run + 1, 0
        self.last = batch.record_count() - 1
        return True

"""Group commit: one lane per partition, one batch in flight per lane, the next one gathers meanwhile.

Nothing lingers: an idle lane sends what arrives at once, a busy one sends all that has arrived since. Batches are built
when they are sent, so that a request which was given up in the queue is never published. Knows no Kafka client.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from producer_api import metrics
from producer_api.deadline import Deadline
from producer_api.delivery import UNKNOWN_OFFSET, Batch, Budget, Part

_log = structlog.get_logger(__name__)


class SendError(Exception):
    """A batch will not be acknowledged; the message is a reason that clients may read."""


class Transport(Protocol):
    """What the lanes need of a Kafka producer."""

    def create_batch(self) -> Batch:
        """An empty batch."""

    async def send(self, batch: Batch, partition: int) -> int:
        """The offset of the batch's first record (or UNKNOWN_OFFSET), once all in-sync replicas hold the batch.

        Raises SendError when they will not.
        """


class Lane:
    """The records on their way to one partition. ``on_failure(error)`` is called once, when a batch fails."""

    def __init__(
        self,
        transport: Transport,
        partition: int,
        budget: Budget,
        *,
        ack_timeout_s: float,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._transport = transport
        self._partition = partition
        self._budget = budget
        self._ack_timeout_s = ack_timeout_s
        self._on_failure = on_failure
        self._waiting: deque[Part] = deque()
        self._sending: list[Part] = []  # parts whose last record is in the batch in flight
        self._running: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.acknowledged = False  # whether Kafka has ever acknowledged a batch of this lane

    def append(self, part: Part) -> None:
        """Queue a part, whose bytes were taken from the budget; they are given back when it is settled."""
        self._waiting.append(part)
        if self._running is None:
            self._running = self._loop.create_task(self._run())

    def abort(self, reason: str) -> None:
        """Fail everything that waits or is in flight."""
        if self._running is not None and self._running is not asyncio.current_task():
            self._running.cancel()
        for part in (*self._sending, *self._waiting):
            self._budget.give_back(part.size_bytes)
            part.delivery.fail(reason)
        self._sending = []
        self._waiting.clear()

    async def finished(self) -> None:
        """Return when nothing waits and nothing is in flight."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                await self._send(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, requests wait for an answer
            self._on_failure(error)
        finally:
            self._running = None

    def _next_batch(self) -> Batch | None:
        if not self._waiting:
            return None
        batch = self._transport.create_batch()
        while self._waiting:
            part = self._waiting[0]
            if part.delivery.future.done():  # given up: past its deadline, or another part of it has failed
                self._budget.give_back(part.size_bytes)
            elif part.fill(batch):
                self._sending.append(part)
            else:
                break
            self._waiting.popleft()
        return batch if batch.record_count() else None

    async def _send(self, batch: Batch) -> None:
        size_bytes, started = batch.size(), time.monotonic()
        with Deadline(self._loop, self._ack_timeout_s):
            first = await self._transport.send(batch, self._partition)
        metrics.ACK_SECONDS.observe(time.monotonic() - started)
        metrics.BATCH_RECORDS.observe(batch.record_count())
        metrics.BATCH_BYTES.observe(size_bytes)
        self.acknowledged = True
        acknowledged, self._sending = self._sending, []
        self._budget.give_back(sum([part.size_bytes for part in acknowledged]))
        for part in acknowledged:
            last = UNKNOWN_OFFSET if first == UNKNOWN_OFFSET else first + part.last
            part.delivery.part_acknowledged(self._partition, last)


class Lanes:
    """The lanes of one Kafka producer. They fail together, for a producer that lost one batch has lost its sequence.

    loop      the event loop they run in
    failed    resolves to the reason when a batch has failed; nothing may be appended from then on
    """

    def __init__(self, transport: Transport, budget: Budget, *, ack_timeout_s: float) -> None:
        self._transport = transport
        self._budget = budget
        self._ack_timeout_s = ack_timeout_s
        self._lanes: dict[int, Lane] = {}
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[str] = self.loop.create_future()

    @property
    def acknowledged(self) -> bool:
        """Whether Kafka has ever acknowledged a batch of this producer."""
        return any(lane.acknowledged for lane in self._lanes.values())

    def append(self, partition: int, part: Part) -> None:
        """Queue a part on its partition's lane."""
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = Lane(
                self._transport,
                partition,
                self._budget,
                ack_timeout_s=self._ack_timeout_s,
                on_failure=self._on_failure,
            )
        lane.append(part)

    def fail(self, reason: str) -> None:
        """Fail everything that waits or is in flight, and the lanes themselves."""
        if not self.failed.done():
            self.failed.set_result(reason)
        for lane in self._lanes.values():
            lane.abort(reason)

    async def finished(self) -> None:
        """Return when nothing waits and nothing is in flight."""
        for lane in list(self._lanes.values()):
            await lane.finished()

    def _on_failure(self, error: BaseException) -> None:
        if isinstance(error, TimeoutError):
            self.fail(f"Kafka did not acknowledge a batch within {self._ack_timeout_s:g} s")
        elif isinstance(error, SendError):
            self.fail(str(error))
        else:
            _log.error("sending a batch failed unexpectedly", exc_info=error)
            self.fail("sending to Kafka failed")

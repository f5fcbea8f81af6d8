"""Group commit: one lane per partition, one batch in flight per lane, the next one gathers meanwhile.

An idle lane sends what arrives within two turns of the event loop, microseconds when nothing else happens; a busy one
sends all that has arrived since. Lanes that are due leave together, so that one request to a broker carries the batches
of many partitions. Only under load, when many requests shared the last departure, the next one lingers: a batch costs
more than the records in it, and waiting a little makes half as many of them.

Batches are built when they are sent, so that a request which was given up in the queue is never published. Everything
here is a callback: a batch costs no task and no coroutine. Knows no Kafka client.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from producer_api import metrics
from producer_api.delivery import UNKNOWN_OFFSET, Batch, Budget, Part

# Turns of the event loop in which due lanes gather. Under load each turn brings in all requests that have arrived.
_GATHERING_TURNS: Final = 2
_LOADED: Final = 16  # requests in one departure: fewer, and waiting would not pay
_DEADLINE_CHECKS: Final = 8  # in one ack_timeout_s: a batch is given up at most an eighth of it too late

_FINISHED_POLL_S: Final = 0.01

_log = structlog.get_logger(__name__)


class SendError(Exception):
    """A batch will not be acknowledged; the message is a reason that clients may read."""


Settled = Callable[[int | Exception], None]


class Transport(Protocol):
    """What the lanes need of a Kafka producer."""

    def create_batch(self, size_bytes: int) -> Batch:
        """An empty batch. ``size_bytes``: what is waiting to be put in, about."""

    def send(self, batch: Batch, partition: int, settled: Settled) -> None:
        """Send a batch, one at a time per partition; raises SendError.

        Calls ``settled`` with the offset of its first record (or UNKNOWN_OFFSET) once all in-sync replicas hold the
        batch, or with the error (SendError) when they will not.
        """


class Lane:
    """The records on their way to one partition.

    acknowledged   whether Kafka has ever acknowledged one of its batches
    sent_at        when the batch in flight was sent, in monotonic seconds; None while there is none
    """

    def __init__(
        self,
        transport: Transport,
        partition: int,
        budget: Budget,
        *,
        on_due: Callable[["Lane"], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._transport = transport
        self._partition = partition
        self._budget = budget
        self._on_due = on_due
        self._on_failure = on_failure
        self._waiting: deque[Part] = deque()
        self._sending: list[Part] = []  # parts whose last record is in the batch in flight
        self._in_flight: Batch | None = None
        self._is_due = False
        self.acknowledged = False
        self.sent_at: float | None = None

    @property
    def is_busy(self) -> bool:
        """Whether anything waits or is in flight."""
        return self._in_flight is not None or bool(self._waiting)

    def append(self, part: Part) -> None:
        """Queue a part, whose bytes were taken from the budget; they are given back when it is settled."""
        self._waiting.append(part)
        self._ask_for_turn()

    def _ask_for_turn(self) -> None:
        if not self._is_due and self._in_flight is None:
            self._is_due = True
            self._on_due(self)

    def send_next(self) -> int:
        """Send what waits, if anything does; of how many requests. To be called when the lane is due."""
        self._is_due = False
        batch = self._next_batch()
        if batch is None:
            return 0
        self._in_flight, self.sent_at = batch, time.monotonic()
        self._transport.send(batch, self._partition, self._settled)
        return len(self._sending)

    def abort(self, reason: str) -> None:
        """Fail everything that waits or is in flight."""
        parts = (*self._sending, *self._waiting)
        self._sending, self._in_flight, self.sent_at = [], None, None
        self._waiting.clear()
        for part in parts:
            self._budget.give_back(part.size_bytes)
            part.delivery.fail(reason)
        self._budget.show()

    def _next_batch(self) -> Batch | None:
        if not self._waiting:
            return None
        batch = self._transport.create_batch(sum([part.size_bytes for part in self._waiting]))
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

    def _settled(self, outcome: int | Exception) -> None:
        batch, sent_at = self._in_flight, self.sent_at
        if batch is None or sent_at is None:  # aborted meanwhile
            return
        if isinstance(outcome, Exception):
            self._on_failure(outcome)
            return
        self._in_flight = self.sent_at = None
        self.acknowledged = True
        self._acknowledge(outcome)
        self._budget.show()
        records = batch.record_count()
        metrics.ACCEPTED_ACTIONS.inc(records)
        metrics.ACK_SECONDS.observe(time.monotonic() - sent_at)
        metrics.BATCH_RECORDS.observe(records)
        metrics.BATCH_BYTES.observe(batch.size())
        if self._waiting:
            self._ask_for_turn()

    def _acknowledge(self, first: int) -> None:
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

    def __init__(self, transport: Transport, budget: Budget, *, ack_timeout_s: float, linger_s: float = 0.0) -> None:
        self._transport = transport
        self._budget = budget
        self._ack_timeout_s = ack_timeout_s
        self._lanes: dict[int, Lane] = {}
        self._due: list[Lane] = []
        self._linger_s = linger_s
        self._left_together = 0  # requests in the last departure
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[str] = self.loop.create_future()
        self._check = self.loop.call_later(ack_timeout_s / _DEADLINE_CHECKS, self._check_deadlines)

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
                on_due=self._gather,
                on_failure=self._on_failure,
            )
        lane.append(part)

    def fail(self, reason: str) -> None:
        """Fail everything that waits or is in flight, and the lanes themselves."""
        if not self.failed.done():
            self.failed.set_result(reason)
        self._check.cancel()
        for lane in self._lanes.values():
            lane.abort(reason)

    async def finished(self) -> None:
        """Return when nothing waits and nothing is in flight."""
        while any(lane.is_busy for lane in self._lanes.values()):  # noqa: ASYNC110 - only a stopping service asks
            await asyncio.sleep(_FINISHED_POLL_S)

    # Turns

    def _gather(self, lane: Lane) -> None:
        self._due.append(lane)
        if len(self._due) > 1:
            return
        if self._linger_s and self._left_together >= _LOADED:
            self.loop.call_later(self._linger_s, self._turn, 0)
        else:
            self.loop.call_soon(self._turn, _GATHERING_TURNS - 1)

    def _turn(self, turns_left: int) -> None:
        if turns_left:
            self.loop.call_soon(self._turn, turns_left - 1)
            return
        due, self._due = self._due, []
        try:
            self._left_together = sum([lane.send_next() for lane in due])
            self._budget.show()
        except Exception as error:  # noqa: BLE001 - whatever it is, requests wait for an answer
            self._on_failure(error)

    def _check_deadlines(self) -> None:
        earliest = time.monotonic() - self._ack_timeout_s
        if any(lane.sent_at is not None and lane.sent_at <= earliest for lane in self._lanes.values()):
            self.fail(f"Kafka did not acknowledge a batch within {self._ack_timeout_s:g} s")
        else:
            self._check = self.loop.call_later(self._ack_timeout_s / _DEADLINE_CHECKS, self._check_deadlines)

    def _on_failure(self, error: Exception) -> None:
        if isinstance(error, SendError):
            self.fail(str(error))
        else:
            _log.error("sending a batch failed unexpectedly", exc_info=error)
            self.fail("sending to Kafka failed")

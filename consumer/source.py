"""Kafka, as the sink sees it: fetch records, commit positions, learn of assignments. Only this module knows aiokafka.

aiokafka's own ``commit()`` repeats a failed commit for ever and reads the group's generation at each attempt: begun
before a rebalance it can succeed after it, with offsets that another member has passed long ago. ``commit`` here is a
single attempt, for the generation that the caller's state was read under, and refused locally when that is over. For
this it reaches into aiokafka's group coordinator; the version is pinned and tests/integration/consumer hold it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata

from consumer import kafka_batches
from consumer.batch import Batch
from consumer.errors import Fenced, SourceUnavailable
from consumer.intent import Position
from consumer.kafka_batches import Reread
from consumer.settings import Settings
from consumer.topic_record import TopicRecord
from kit.kafka import connection_options, mend_timeouts

_log = structlog.get_logger(__name__)

_FENCED = (CommitFailedError, IllegalGenerationError, UnknownMemberIdError, RebalanceInProgressError, IllegalStateError)
_NO_POLL_LIMIT_MS = 24 * 3_600_000  # waiting for ClickHouse is no reason to lose the partitions
_METADATA_MAX_AGE_MS = 5_000  # until new partitions are seen, and a topic that was deleted and made again
_LEAVE_RETRY_S = 0.2
_NOT_THE_COORDINATOR = (14, 15, 16)  # it is still loading, there is none, it is another broker
_STOP_TIMEOUT_S = 2.0  # for leaving the group when Kafka is away
# Making rows of them takes 40 ms, in which nothing else is done: neither Kafka nor ClickHouse should wait for longer.
_RECORDS_AT_ONCE = 25_000
_KAFKA_BATCHES_AT_ONCE = 8
# Of one partition in one answer: a whole block of compressed records and more, so that a backlog comes in full blocks.
_PARTITION_FETCH_BYTES = 4 << 20
_LARGE = 100  # records; smaller ones of Kafka's batches are joined
_JOINED = 1_000


class OutOfRange(Exception):  # noqa: N818 - a state, handled by its catcher
    """The partitions' next offsets are not in the log any more."""

    def __init__(self, partitions: Iterable[int]) -> None:
        super().__init__()
        self.partitions = list(partitions)


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a partition's log as it was ``seen_at`` (seconds since 1970)."""

    offset: int
    seen_at: float


class Source(ConsumerRebalanceListener):
    """One member of the sink's group.

    generation  of the current assignment; None while there is none
    revoking    the assignment is about to end: finish, commit, then call ``release()``
    changed     set at every change of the two
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic
        self._request_timeout_s = settings.kafka_request_timeout_ms / 1000
        self._consumer: Any = None
        self._admin: Any = None
        self._released = asyncio.Event()
        self._kafka_batches_at_once = _KAFKA_BATCHES_AT_ONCE
        self._member_at = 0.0  # monotonic seconds: when Kafka last was asked and confirmed it
        self.generation: int | None = None
        self.partitions: list[int] = []
        self.revoking = False
        self.changed = asyncio.Event()

    async def start(self) -> None:
        """Join the group; raises SourceUnavailable, also when the topic is missing."""
        options = connection_options(self._settings) | {"request_timeout_ms": self._settings.kafka_request_timeout_ms}
        try:
            async with translated():
                await self._start_admin(options)
                await self._start_consumer(options)
        except BaseException:
            await self.stop()
            raise

    async def _start_admin(self, options: dict[str, Any]) -> None:
        self._admin = AIOKafkaAdminClient(**options)
        mend_timeouts(self._admin._client)
        await self._admin.start()
        await self._check_topic()

    async def _check_topic(self) -> None:
        if self._topic not in await self._admin.list_topics():  # subscribing might create it
            raise SourceUnavailable(f"topic {self._topic!r} does not exist: run `python -m deploy.setup`")

    async def _start_consumer(self, options: dict[str, Any]) -> None:
        kafka_batches.install()
        self._consumer = AIOKafkaConsumer(
            **options,
            group_id=self._settings.kafka_group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position out of range is ours to see, never to skip
            isolation_level="read_committed",
            session_timeout_ms=self._settings.kafka_session_timeout_ms,
            heartbeat_interval_ms=self._settings.kafka_session_timeout_ms // 4,
            max_poll_interval_ms=_NO_POLL_LIMIT_MS,
            metadata_max_age_ms=_METADATA_MAX_AGE_MS,
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
            key_deserializer=kafka_batches.PerBatch(_made),
        )
        mend_timeouts(self._consumer._client)
        self._consumer.subscribe([self._topic], listener=self)
        await self._consumer.start()

    async def stop(self) -> None:
        """Leave the group, in a bounded time even when Kafka is away."""
        self.release()
        closers = [*([self._consumer.stop] if self._consumer else []), *([self._admin.close] if self._admin else [])]
        self._consumer = self._admin = None
        for close in closers:
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await close()
            except (TimeoutError, KafkaError, OSError) as error:
                _log.warning("Kafka did not answer the farewell", reason=str(error))
            except asyncio.CancelledError:  # aiokafka lets out that of a task of its own
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
                _log.warning("Kafka's client did not end cleanly")

    async def ping(self) -> None:
        """Raises SourceUnavailable when no broker answers, and when the topic is gone."""
        if self._admin is None:
            raise SourceUnavailable("Kafka is not connected yet")
        async with translated():
            await self._check_topic()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """aiokafka rejoins when this returns: hold it until the owner has let go."""
        if self.generation is None or not revoked:
            return
        self._released.clear()
        self.revoking = True
        self.changed.set()
        try:
            async with asyncio.timeout(
                self._settings.rebalance_drain_s + self._settings.kafka_request_timeout_ms / 1000
            ):
                await self._released.wait()
        except TimeoutError:
            self.release()  # what is still in flight is fenced by the generation

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.generation = self._consumer._coordinator.generation
        self.partitions = sorted(partition.partition for partition in assigned)
        self.revoking = False
        self.changed.set()

    def release(self) -> None:
        """The owner has let go of the assignment."""
        self.generation = None
        self.revoking = False
        self._released.set()

    async def fetch(self, partitions: Sequence[int], timeout_ms: int) -> dict[int, Sequence[Batch]]:
        """The next records of these partitions, or none after ``timeout_ms``. Raises OutOfRange, SourceUnavailable."""
        async with translated():
            try:
                fetched = await self._consumer.getmany(
                    *map(self._tp, partitions), timeout_ms=timeout_ms, max_records=self._kafka_batches_at_once
                )
            except OffsetOutOfRangeError as error:
                raise OutOfRange(tp.partition for tp in error.args[0]) from error
        batches: dict[int, Sequence[Batch]] = {tp.partition: _joined(tp, made) for tp, made in fetched.items()}
        self._learn(sum(map(len, fetched.values())), sum(batch.count for some in batches.values() for batch in some))
        return batches

    def _learn(self, kafka_batches_seen: int, records: int) -> None:
        """How many of Kafka's batches are about _RECORDS_AT_ONCE records."""
        if records:
            wanted = _RECORDS_AT_ONCE * kafka_batches_seen // records
            self._kafka_batches_at_once = max(_KAFKA_BATCHES_AT_ONCE, wanted)

    async def commit(self, generation: int, positions: Mapping[int, Position]) -> None:
        """One OffsetCommit for all positions, tried once. Raises Fenced, or SourceUnavailable when none was sent.

        Whether a commit that is not answered was carried out, or will be, nobody knows: under the same generation it
        could turn back a later one. So this membership ends, and with the next one a late commit is refused.
        """
        coordinator = self._consumer._coordinator
        offsets = {
            self._tp(number): OffsetAndMetadata(position.committed, position.metadata)
            for number, position in positions.items()
        }
        async with translated(), asyncio.timeout(self._request_timeout_s):
            await coordinator.ensure_coordinator_known()
        self._require(generation)
        sent_at = time.monotonic()
        try:
            async with translated(), asyncio.timeout(self._request_timeout_s):
                await coordinator._do_commit_offsets(None, offsets)  # reads the generation before it first waits
        except SourceUnavailable as error:
            await self._leave(coordinator)
            raise Fenced(f"what became of a commit is unknown, so the group is joined anew ({error})") from error
        self._member_at = sent_at

    async def confirm(self, generation: int) -> None:
        """Whether the partitions are still ours: raises Fenced, or SourceUnavailable when Kafka can't be asked.

        Free for half a session after the last proof of it: then nobody else can have them yet.
        """
        self._require(generation)
        asked_at = time.monotonic()  # goes on while a process is stopped
        if asked_at - self._member_at < self._settings.kafka_session_timeout_ms / 2_000:
            return
        coordinator = self._consumer._coordinator
        async with translated(), asyncio.timeout(self._request_timeout_s):
            await coordinator.ensure_coordinator_known()
            is_member = await coordinator._do_heartbeat()
        self._require(generation)
        if not is_member:
            raise SourceUnavailable("Kafka did not confirm that the partitions are still this member's")
        self._member_at = asked_at

    def _require(self, generation: int) -> None:
        now = self._consumer._coordinator.generation if self._consumer is not None else None
        if self.generation != generation or now != generation:
            raise Fenced(f"generation {generation} is over, the group is at {now}")

    async def _leave(self, coordinator: Any) -> None:
        """End the membership under which the last commit was sent: until the group confirms it, nothing goes on."""
        request = LeaveGroupRequest(self._settings.kafka_group, coordinator.member_id)
        while self._consumer is not None:
            try:
                async with translated(), asyncio.timeout(self._request_timeout_s):
                    await coordinator.ensure_coordinator_known()
                    answer = await coordinator._send_req(request)
            except SourceUnavailable as error:
                _log.warning("Kafka does not confirm that this member has left", reason=str(error))
            else:
                if answer.error_code not in _NOT_THE_COORDINATOR:
                    break
                coordinator.coordinator_dead()
            await asyncio.sleep(_LEAVE_RETRY_S)
        coordinator.reset_generation()

    async def positions(self) -> dict[int, Position | None]:
        """What is committed for each assigned partition, None where nothing is. Raises SourceUnavailable."""
        wanted = [self._tp(number) for number in self.partitions]
        async with translated():
            answer = await self._admin.list_consumer_group_offsets(self._settings.kafka_group, partitions=wanted)
        missing = [tp.partition for tp in wanted if tp not in answer]
        if missing:  # the answer of a coordinator that is still loading
            raise SourceUnavailable(f"Kafka did not tell the committed offsets of partitions {missing}")
        return {
            tp.partition: None if answer[tp].offset < 0 else Position.read(answer[tp].offset, answer[tp].metadata)
            for tp in wanted
        }

    async def log_bounds(self, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """First offset and end of each partition's log. Raises SourceUnavailable."""
        wanted = [self._tp(number) for number in partitions]
        async with translated():
            starts = await self._consumer.beginning_offsets(wanted)
            ends = await self._consumer.end_offsets(wanted)
        return {tp.partition: (starts[tp], ends[tp]) for tp in wanted}

    def log_ends_seen(self, partitions: Iterable[int]) -> dict[int, LogEnd]:
        """The log ends that the last fetches told, without asking: not those of partitions that are not fetched yet."""
        if self._consumer is None:
            return {}
        assigned = self._consumer.assignment()
        known = [tp for tp in map(self._tp, partitions) if tp in assigned and self._consumer.highwater(tp) is not None]
        return {
            tp.partition: LogEnd(self._consumer.highwater(tp), self._consumer.last_poll_timestamp(tp) / 1000)
            for tp in known
        }

    def read_to(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset that the next fetch begins at: beyond the last record where a transaction's end mark follows."""
        if self._consumer is None or self._consumer._subscription.subscription is None:
            return {}
        assigned, assignment = self._consumer.assignment(), self._consumer._subscription.subscription.assignment
        states = {tp.partition: assignment.state_value(tp) for tp in map(self._tp, partitions) if tp in assigned}
        return {number: state.position for number, state in states.items() if state.has_valid_position}

    async def log_ends(self, partitions: Sequence[int]) -> dict[int, LogEnd]:
        """The log ends by asking for them, one request per broker. Raises SourceUnavailable."""
        if self._consumer is None:
            raise SourceUnavailable("Kafka is not connected yet")
        async with translated(), asyncio.timeout(self._settings.kafka_request_timeout_ms / 1000):
            ends = await self._consumer.end_offsets([self._tp(number) for number in partitions])
        return {tp.partition: LogEnd(end, time.time()) for tp, end in ends.items()}

    def seek(self, partition: int, offset: int) -> None:
        """Fetch from ``offset`` on. Raises Fenced when the partition has gone meanwhile."""
        try:
            self._consumer.seek(self._tp(partition), offset)
        except IllegalStateError as error:
            raise Fenced(str(error)) from error

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


def _made(tp: TopicPartition, records: Sequence[TopicRecord], reread: Reread) -> Batch | Sequence[TopicRecord]:
    return Batch.of(tp.topic, tp.partition, records, reread) if len(records) >= _LARGE else records


def _joined(tp: TopicPartition, made: Sequence[Batch | Sequence[TopicRecord]]) -> list[Batch]:
    """Each batch has its price, so small ones of Kafka's, whose records are given, become larger ones."""
    batches: list[Batch] = []
    small: list[TopicRecord] = []
    for item in made:
        if not isinstance(item, Batch):
            small.extend(item)
        if small and (isinstance(item, Batch) or len(small) >= _JOINED):
            batches.append(Batch.of(tp.topic, tp.partition, small))
            small = []
        if isinstance(item, Batch):
            batches.append(item)
    return [*batches, Batch.of(tp.topic, tp.partition, small)] if small else batches


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """The seam's errors, once: what Kafka or the network raise is ours to retry, unless it fences us."""
    try:
        yield
    except _FENCED as error:
        raise Fenced(_words(error)) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise SourceUnavailable(f"Kafka is away or busy: {_words(error)}") from error


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

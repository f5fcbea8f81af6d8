"""The log: the topic and the sink's group as query_api sees them, and the only module that knows aiokafka."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.offset import OffsetRequest

from kit.kafka import connection_options, mend_timeouts
from query_api.errors import LogUnavailable
from query_api.settings import Settings

_METADATA_MAX_AGE_MS: Final = 5_000  # until new partitions are seen
_CLOSE_TIMEOUT_S: Final = 2.0
_LATEST: Final = -1
_NONE: Final = -1
_NO_REPLICA: Final = -1
_READ_UNCOMMITTED: Final = 0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of the topic; ``value`` is None for a tombstone."""

    partition: int
    offset: int
    value: bytes | None


class OutOfRange(Exception):  # noqa: N818 - a state, handled by its catcher
    """Offsets that were to be read are not in the log: retention took them, or the topic was made again."""


class Offsets:
    """Where the sink's group and the log's ends are, by one client, made at the first need and anew after a failure.
    It asks one question at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic
        self._admin: Any = None
        self._coordinator: int | None = None
        self._turn = asyncio.Lock()

    async def committed(self) -> dict[int, int]:
        """The offset that the sink's group has committed for each partition of the topic, 0 where it has none.

        Raises LogUnavailable.
        """
        async with self._connected() as admin:
            wanted = [TopicPartition(self._topic, number) for number in self._partitions(admin)]
            if self._coordinator is None:
                self._coordinator = await admin.find_coordinator(self._settings.sink_group)
            answer = await admin.list_consumer_group_offsets(
                self._settings.sink_group, group_coordinator_id=self._coordinator, partitions=wanted
            )
            if missing := [tp.partition for tp in wanted if tp not in answer]:  # its coordinator is still loading
                raise LogUnavailable(f"Kafka did not tell the committed offsets of partitions {missing}")
        return {tp.partition: max(0, answer[tp].offset) for tp in wanted}

    async def ends(self) -> dict[int, int]:
        """The offset after the last record of each partition, as producers get it acknowledged: open transactions
        count. Raises LogUnavailable.
        """
        return await self._offsets_of(_LATEST)

    async def ends_at(self, time_s: float) -> dict[int, int]:
        """The offset of the first record of this time (seconds since 1970) or later, by the records' own times;
        without the partitions that have none. Raises LogUnavailable.
        """
        found = await self._offsets_of(max(0, int(time_s * 1000)))
        return {number: offset for number, offset in found.items() if offset != _NONE}

    async def configuration(self) -> dict[str, str]:
        """The topic's settings as they hold now, by Kafka's names (``retention.ms``). Raises LogUnavailable."""
        async with self._connected() as admin:
            [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, self._topic)])
            [(error_code, message, _, _, entries, *_)] = answer.resources
            if error_code:
                raise for_code(error_code)(message)
        return {name: value for name, value, *_ in entries if value is not None}

    async def close(self) -> None:
        """Whoever waits for an answer then gets LogUnavailable."""
        admin, self._admin, self._coordinator = self._admin, None, None
        if admin is not None:
            await _closed(admin.close())

    async def _offsets_of(self, time_ms: int) -> dict[int, int]:
        async with self._connected() as admin:
            by_leader: dict[int, list[tuple[int, int]]] = {}
            for number in self._partitions(admin):
                leader = admin._client.cluster.leader_for_partition(TopicPartition(self._topic, number))
                by_leader.setdefault(leader, []).append((number, time_ms))
            offsets: dict[int, int] = {}
            for leader, wanted in by_leader.items():
                offsets |= await self._offsets_at(admin, leader, wanted)
        return offsets

    async def _offsets_at(self, admin: Any, leader: int | None, wanted: list[tuple[int, int]]) -> dict[int, int]:
        if leader is None or leader < 0:
            raise LogUnavailable("a partition has no leader")
        request = OffsetRequest(_NO_REPLICA, _READ_UNCOMMITTED, [(self._topic, wanted)])
        answer = await admin._client.send(leader, request)
        offsets = {}
        for number, error_code, _, offset in answer.topics[0][1]:
            if error_code:
                raise for_code(error_code)(f"partition {number}")
            offsets[number] = offset
        return offsets

    def _partitions(self, admin: Any) -> list[int]:
        return _partitions(admin._client, self._topic)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        """The client; it is dropped when anything fails in the block."""
        async with self._turn:
            try:
                async with _translated(), asyncio.timeout(self._settings.kafka_request_timeout_ms / 1000):
                    if self._admin is None:
                        await self._connect()
                    yield self._admin
            except BaseException:
                await self.close()
                raise

    async def _connect(self) -> None:
        self._admin = AIOKafkaAdminClient(**_options(self._settings), metadata_max_age_ms=_METADATA_MAX_AGE_MS)
        mend_timeouts(self._admin._client)
        await self._admin.start()
        await self._admin._client.force_metadata_update()


class Reader:
    """Reads the topic from given offsets on, without a group, to be started once and closed once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic
        self._consumer: Any = None

    async def start(self) -> None:
        """Raises LogUnavailable."""
        self._consumer = AIOKafkaConsumer(
            **_options(self._settings),
            group_id=None,
            auto_offset_reset="none",  # an offset out of range is ours to see, never to skip
            isolation_level="read_committed",  # as the sink
            metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        )
        mend_timeouts(self._consumer._client)
        try:
            async with self._bounded():
                await self._consumer.start()
                await self._consumer._client.force_metadata_update()
                _partitions(self._consumer._client, self._topic)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _closed(consumer.stop())

    def partitions(self) -> list[int]:
        """As last heard of. Raises LogUnavailable when the topic is gone."""
        return _partitions(self._consumer._client, self._topic)

    async def bounds(self) -> dict[int, tuple[int, int]]:
        """First offset and end of each partition, as far as consumers read. Raises LogUnavailable."""
        wanted = [TopicPartition(self._topic, number) for number in self.partitions()]
        async with self._bounded():
            starts = await self._consumer.beginning_offsets(wanted)
            ends = await self._consumer.end_offsets(wanted)
        return {tp.partition: (starts[tp], ends[tp]) for tp in wanted}

    def seek(self, positions: Mapping[int, int]) -> None:
        """Read these partitions, and no others, from these offsets on."""
        self._consumer.assign([TopicPartition(self._topic, number) for number in positions])
        for number, offset in positions.items():
            self._consumer.seek(TopicPartition(self._topic, number), offset)

    async def poll(self, timeout_s: float, most: int) -> dict[int, Sequence[LogRecord]]:
        """The next records, in order within each partition, or none after the timeout. Raises OutOfRange,
        LogUnavailable. While no broker answers there are just no records: ``answers`` says so.
        """
        async with _translated():
            try:
                batches = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=most)
            except OffsetOutOfRangeError as error:
                raise OutOfRange(str(error)) from error
        return {
            tp.partition: [LogRecord(record.partition, record.offset, record.value) for record in records]
            for tp, records in batches.items()
        }

    def positions(self) -> dict[int, int]:
        """The offset of each partition that the next poll begins at, also beyond the marks of transactions."""
        assignment = self._consumer._subscription.subscription.assignment
        states = {tp.partition: assignment.state_value(tp) for tp in self._consumer.assignment()}
        return {number: state.position for number, state in states.items() if state.has_valid_position}

    def lag(self) -> int:
        """Records in the log that are not read yet, as far as the last fetches told."""
        positions = self.positions()
        ends = {number: self._consumer.highwater(TopicPartition(self._topic, number)) for number in positions}
        return sum(max(0, end - positions[number]) for number, end in ends.items() if end is not None)

    async def answers(self) -> bool:
        """Whether a broker answers now."""
        try:
            async with self._bounded():
                return bool(await self._consumer._client.force_metadata_update())
        except LogUnavailable:
            return False

    @contextlib.asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        async with _translated(), asyncio.timeout(self._settings.kafka_request_timeout_ms / 1000):
            yield


def _options(settings: Settings) -> dict[str, Any]:
    return connection_options(settings) | {"request_timeout_ms": settings.kafka_request_timeout_ms}


def _partitions(client: Any, topic: str) -> list[int]:
    """The client is never told the topic's name and so hears of all topics: asking about one by name would create it,
    on brokers that create topics automatically.
    """
    partitions = client.cluster.partitions_for_topic(topic)
    if not partitions:
        raise LogUnavailable(f"topic {topic!r} does not exist, or this user may not see it: run python -m deploy.setup")
    return sorted(partitions)


async def _closed(closing: Any) -> None:
    """Close, in a bounded time even when Kafka is away."""
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await closing
    except (TimeoutError, KafkaError, OSError) as error:
        _log.debug("Kafka did not answer the farewell", reason=str(error))


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """The seam's errors, once."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"Kafka is away or busy ({str(error) or type(error).__name__})") from error

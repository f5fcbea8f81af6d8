"""The topic's log, read from outside the sink's group: for the audit and the rebuild. Nothing is ever committed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import OffsetOutOfRangeError

from consumer.errors import SourceUnavailable
from consumer.intent import Position
from consumer.settings import Settings
from consumer.source import translated
from consumer.topic_record import TopicRecord
from kit.kafka import connection_options

_RETRY_S = 0.2
_WAIT_MS = 100
_STRETCH_BYTES = 16 << 20  # of values, and what one more fetch brings


class LogReader:
    """``open()`` before use. Every method raises SourceUnavailable when Kafka does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.kafka_topic
        options = connection_options(settings) | {"request_timeout_ms": settings.kafka_request_timeout_ms}
        self._options: dict[str, Any] = options
        self._consumer: Any = None
        self._admin: Any = None

    async def open(self) -> None:
        """Also raises SourceUnavailable when the topic does not exist."""
        async with translated():
            self._admin = AIOKafkaAdminClient(**self._options)
            await self._admin.start()
        if self._topic not in await self._retried(self._admin.list_topics):
            raise SourceUnavailable(f"topic {self._topic!r} does not exist: run `python -m deploy.setup`")
        async with translated():
            self._consumer = AIOKafkaConsumer(
                **self._options, group_id=None, auto_offset_reset="none", isolation_level="read_committed"
            )
            await self._consumer.start()

    async def close(self) -> None:
        for client in (self._consumer, self._admin):
            if client is not None:
                await (client.stop() if client is self._consumer else client.close())

    async def partitions(self) -> list[int]:
        [described] = await self._retried(lambda: self._admin.describe_topics([self._topic]))
        return sorted(entry["partition"] for entry in described["partitions"])

    async def bounds(self, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """First offset and end of each partition's log."""
        wanted = [self._tp(number) for number in partitions]
        async with translated():
            starts = await self._consumer.beginning_offsets(wanted)
            ends = await self._consumer.end_offsets(wanted)
        return {tp.partition: (starts[tp], ends[tp]) for tp in wanted}

    async def offsets_at(self, partitions: Sequence[int], milliseconds: int) -> dict[int, int | None]:
        """Of each partition, the first offset whose timestamp is not earlier; None when there is none."""
        async with translated():
            found = await self._consumer.offsets_for_times({self._tp(number): milliseconds for number in partitions})
        return {tp.partition: at.offset if at else None for tp, at in found.items()}

    async def committed(self) -> dict[int, Position]:
        """What the sink's group has committed; partitions without a commit are left out."""
        answer = await self._retried(lambda: self._admin.list_consumer_group_offsets(self._settings.kafka_group))
        ours = {tp.partition: at for tp, at in answer.items() if tp.topic == self._topic and at.offset >= 0}
        return {number: Position.read(at.offset, at.metadata) for number, at in ours.items()}

    async def read(
        self, partition: int, start: int, end: int, chunk: int
    ) -> AsyncIterator[tuple[int, int, list[TopicRecord]]]:
        """The records of ``[start, end)`` in stretches ``(from, to, records)``, of ``chunk`` records at most or 16 MiB.

        Where retention passes meanwhile, a stretch begins later than the one before it ended. An open transaction ends
        the reading early.
        """
        tp = self._tp(partition)
        self._consumer.assign([tp])
        self._consumer.seek(tp, start)
        while start < end:
            async with translated():
                try:
                    records = await self._fetch(tp, chunk, end)
                    reached = min(end, await self._consumer.position(tp))
                except OffsetOutOfRangeError:
                    start = min(end, (await self.bounds([partition]))[partition][0])
                    self._consumer.seek(tp, start)
                    continue
            if reached <= start:
                if start == self._consumer.last_stable_offset(tp):
                    return
                raise SourceUnavailable(f"Kafka gave nothing of partition {partition} from offset {start} on")
            yield start, reached, [record for record in records if record.offset < end]
            start = reached

    async def _fetch(self, tp: TopicPartition, chunk: int, end: int) -> list[TopicRecord]:
        """As many as come at once: a fetch ends at about a megabyte, and small stretches cost a query each.

        None when the log holds nothing but end marks of transactions up to ``end``, or when Kafka is slow.
        """
        deadline = time.monotonic() + self._settings.kafka_request_timeout_ms / 1000
        records: list[TopicRecord] = []
        size = 0
        while len(records) < chunk and size < _STRETCH_BYTES:
            batch = (await self._consumer.getmany(tp, timeout_ms=_WAIT_MS, max_records=chunk - len(records))).get(tp)
            reached = await self._consumer.position(tp)
            stable = self._consumer.last_stable_offset(tp)
            if not batch and (records or reached >= end or reached == stable or time.monotonic() > deadline):
                break
            if not batch:
                continue
            records += batch
            size += sum(len(record.value or b"") for record in batch)
            if reached >= end:
                break
        return records

    async def _retried(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """The admin client gives up at once on what passes: a coordinator that moves or loads, a node not ready yet."""
        deadline = time.monotonic() + self._settings.kafka_request_timeout_ms / 1000
        while True:
            try:
                async with translated():
                    return await question()
            except SourceUnavailable:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_RETRY_S)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

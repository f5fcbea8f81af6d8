"""Kafka, as a replay sees it: publish records again, look for those that an interrupted replay has published.

Everything is published in transactions under one transactional id for the topic. Whoever opens it last is the only one
who can publish: an earlier one is refused from then on, and what it had under way is dropped. So a search after
``open`` sees everything that any earlier replay will ever have published. The sink reads committed records only.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from consumer.errors import SinkError
from consumer.settings import Settings
from consumer.source import translated
from contract.record import SCHEMA_HEADER
from kit.kafka import connection_options

REPLAY_HEADER: Final = "replay-of"

_FENCED: Final = (ProducerFenced, InvalidProducerEpoch)
_TRANSACTION_TIMEOUT_MS: Final = 20_000  # readers of committed records wait so long behind a replay that was killed
_MAX_REQUEST_BYTES: Final = 64 << 20  # the broker's own limit decides
_POLL_MS: Final = 500
_STEP_S: Final = 60.0  # for one transaction, or for opening; aiokafka itself would wait for ever


class ReplayError(SinkError):
    """A replay can't go on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is published: a dead letter's record once more. ``partition``: where it stood."""

    event_id: str
    partition: int
    key: bytes | None
    value: bytes


class ReplayTopic:
    """``open()`` before use. Raises SourceUnavailable when Kafka does not answer, and ReplayError."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka_topic
        self._timeout_ms = settings.kafka_request_timeout_ms
        self._options: dict[str, Any] = connection_options(settings) | {"request_timeout_ms": self._timeout_ms}
        self._producer: Any = None
        self._consumer: Any = None

    async def open(self) -> None:
        """From here on no earlier replay of this topic publishes anything."""
        async with _translated():
            self._consumer = AIOKafkaConsumer(
                **self._options, group_id=None, auto_offset_reset="none", isolation_level="read_committed"
            )
            await self._consumer.start()
            self._producer = AIOKafkaProducer(
                **self._options,
                acks="all",
                transactional_id=f"actionlog-replay-{self._topic}",
                transaction_timeout_ms=_TRANSACTION_TIMEOUT_MS,
                max_request_size=_MAX_REQUEST_BYTES,
                compression_type="zstd",
            )
            await self._producer.start()
            await self._producer.begin_transaction()  # waits for the id that ends the earlier ones'
            await self._producer.abort_transaction()

    async def close(self) -> None:
        for client in (self._producer, self._consumer):
            if client is not None:
                async with _translated():
                    await client.stop()

    async def ends(self) -> dict[int, int]:
        """The end of each partition's log."""
        async with _translated():
            numbers = await self._partitions()
            ends = await self._consumer.end_offsets([self._tp(number) for number in numbers])
        return {tp.partition: end for tp, end in ends.items()}

    async def publish(self, copies: Sequence[Copy]) -> dict[str, tuple[int, int]]:
        """All of them or none: where each stands, by the dead letter's id."""
        async with _translated():
            numbers = await self._partitions()
            await self._producer.begin_transaction()
            try:
                places = [await future for future in [await self._send(copy, numbers) for copy in copies]]
                await self._producer.commit_transaction()
            except _FENCED:
                raise  # there is nothing left to abort
            except KafkaError:
                with contextlib.suppress(KafkaError):
                    await self._producer.abort_transaction()
                raise
        return {copy.event_id: (at.partition, at.offset) for copy, at in zip(copies, places, strict=True)}

    async def _send(self, copy: Copy, numbers: set[int]) -> Any:
        return await self._producer.send(
            self._topic,
            copy.value,
            copy.key,
            copy.partition if copy.partition in numbers else None,  # None: by its key, in a topic made again
            headers=[SCHEMA_HEADER, (REPLAY_HEADER, copy.event_id.encode())],
        )

    async def find(self, event_ids: Sequence[str], log_ends: Mapping[int, int]) -> dict[str, tuple[int, int]]:
        """Where the topic holds replays of these, from ``log_ends`` to its end.

        Raises ReplayError when the topic no longer holds all records from there on: nobody can tell then.
        """
        found: dict[str, tuple[int, int]] = {}
        wanted = {event_id.encode(): event_id for event_id in event_ids}
        for number, end in (await self.ends()).items():
            async for record in self._records(number, log_ends.get(number, 0), end):
                for name, value in record.headers:
                    if name == REPLAY_HEADER and value in wanted:
                        found[wanted[value]] = (number, record.offset)
        return found

    async def _records(self, number: int, start: int, end: int) -> AsyncIterator[Any]:
        tp = self._tp(number)
        async with _translated():
            first = (await self._consumer.beginning_offsets([tp]))[tp]
        if start < first and start < end:
            raise ReplayError(
                f"partition {number} has lost offsets {start} to {first - 1} to retention; whether an interrupted"
                " replay has published something there can't be told any more: see docs/dead-letters.md"
            )
        self._consumer.assign([tp])
        self._consumer.seek(tp, start)
        while start < end:
            async with _translated():
                batch = (await self._consumer.getmany(tp, timeout_ms=_POLL_MS)).get(tp, [])
                start = await self._consumer.position(tp)
            for record in batch:
                yield record

    async def _partitions(self) -> set[int]:
        return set(await self._producer.partitions_for(self._topic))

    def _tp(self, number: int) -> TopicPartition:
        return TopicPartition(self._topic, number)


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        async with translated(), asyncio.timeout(_STEP_S):
            yield
    except SinkError as error:
        if isinstance(error.__cause__, _FENCED):
            raise ReplayError("another replay of this topic was started and goes on; this one has stopped") from error
        raise

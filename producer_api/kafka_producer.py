"""One Kafka producer, idempotent and acks=all: the only module that knows aiokafka.

aiokafka's public ``send_batch`` looks the topic up three times and wraps each batch in two coroutines and a shield:
with three requests to a batch that was a tenth of a request's CPU time. So batches go straight into its accumulator,
for the lanes have already seen to what ``send_batch`` sees to: one batch at a time per partition. The version is
pinned; tests/integration/producer_api hold what is relied on.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.codec import has_zstd
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import TopicPartition

from contract.record import SCHEMA_HEADER
from kit.kafka import connection_options, mend_timeouts
from producer_api.compression import keep_compressor
from producer_api.delivery import UNKNOWN_OFFSET, Batch
from producer_api.lanes import SendError, Settled
from producer_api.settings import Settings

_DISCARD_TIMEOUT_S = 15.0
_HEADERS: list[tuple[str, bytes | None]] = [SCHEMA_HEADER]
_UNCOMPRESSED = 0

# What makes a broker unreachable, as opposed to one that refuses.
CONNECTION_ERRORS = (OSError, KafkaConnectionError)

_log = structlog.get_logger(__name__)


def key_hash(key: bytes) -> int:
    """Kafka's own hash of a key: the partition is this modulo the topic's partitions."""
    return int(murmur2(key)) & 0x7FFFFFFF


class TopicMissingError(Exception):
    """The topic does not exist; the message says what to run."""


class RecordBatch(BatchBuilder):
    """aiokafka's batch, filled by many records at once: half the time of as many ``append``."""

    def add(self, key: bytes, values: Sequence[bytes], first: int) -> int:
        """See delivery.Batch."""
        append, offset = self._builder.append, self._relative_offset
        now_ms = int(time.time() * 1000)
        for position in range(first, len(values)):
            if append(offset, now_ms, key, values[position], _HEADERS) is None:  # by position: a sixth cheaper
                self._relative_offset = offset
                return position
            offset += 1
        self._relative_offset = offset
        return len(values)


class KafkaProducer:
    """One aiokafka producer for an existing topic. The lanes' Transport, once it is started."""

    def __init__(self, settings: Settings) -> None:
        options: dict[str, Any] = {
            **connection_options(settings),
            "enable_idempotence": True,
            "acks": "all",
            "max_batch_size": settings.batch_max_bytes,
            "compression_type": None if settings.compression == "none" else settings.compression,
            "request_timeout_ms": settings.kafka_request_timeout_ms,
        }
        keep_compressor()
        self._settings = settings
        self._producer = AIOKafkaProducer(**options)
        mend_timeouts(self._producer.client)
        self._accumulator: Any = self._producer._message_accumulator
        self._compression: int = self._accumulator._compression_type
        self._topic = settings.kafka_topic

    async def start(self) -> None:
        """Connect and find the topic; raises TopicMissingError, TimeoutError, CONNECTION_ERRORS, KafkaError."""
        async with asyncio.timeout(self._settings.kafka_connect_timeout_s):
            await self._producer.start()
            await self.refresh()
        _ = self.partitions

    @property
    def partitions(self) -> int:
        """The topic's partitions as last heard of; raises TopicMissingError."""
        partitions = self._producer.client.cluster.partitions_for_topic(self._topic)
        if not partitions:
            raise TopicMissingError(f"topic '{self._topic}' does not exist: run python -m deploy.setup")
        return len(partitions)

    async def refresh(self) -> bool:
        """Ask a broker for the cluster's metadata; False when none answers.

        The client is never told the topic's name and so asks about all topics: asking about one by name would create
        it, on brokers that create topics automatically.
        """
        return bool(await self._producer.client.force_metadata_update())

    def create_batch(self, size_bytes: int) -> RecordBatch:
        compression = self._compression if size_bytes >= self._settings.compress_from_bytes else _UNCOMPRESSED
        return RecordBatch(self._settings.batch_max_bytes, compression)  # type: ignore[no-untyped-call]

    def send(self, batch: Batch, partition: int, settled: Settled) -> None:
        accumulator = self._accumulator
        if accumulator._closed or accumulator._exception is not None:
            raise SendError(f"the Kafka producer has stopped ({type(accumulator._exception).__name__})")
        try:
            _ = self.partitions
        except TopicMissingError as error:
            raise SendError(str(error)) from error
        sent = accumulator._append_batch(batch, TopicPartition(self._topic, partition))
        sent.future.add_done_callback(lambda stored: settled(_outcome(stored)))

    async def discard(self) -> None:
        """Close the connections, giving up what is not acknowledged. Takes seconds when a broker does not answer."""
        try:
            async with asyncio.timeout(_DISCARD_TIMEOUT_S):
                await self._give_up_batches()
                await self._producer.stop()
        except Exception as error:  # noqa: BLE001 - its tasks end with whatever stopped them
            _log.debug("a Kafka producer did not stop cleanly", error=repr(error))
        finally:
            await self._producer.client.close()

    async def _give_up_batches(self) -> None:
        """End the sending task and the batches it leaves: stop() waits for them, and idempotent ones retry for ever.

        There is no public way. The task goes first, for it cannot bear a batch that ends while it is being sent.
        """
        accumulator = self._accumulator
        await self._producer._sender.close()
        pending: set[Any] = accumulator._pending_batches
        pending.update(batch for batches in accumulator._batches.values() for batch in batches)
        for batch in list(pending):  # each leaves the set by itself, and must be in it
            batch.future.cancel()


def _outcome(stored: "asyncio.Future[Any]") -> int | Exception:
    """The offset of a batch's first record, or why there is none."""
    if stored.cancelled():
        return SendError("the Kafka producer was closed")
    error = stored.exception()
    if error is None:
        offset: int = stored.result().offset
        return UNKNOWN_OFFSET if offset < 0 else offset
    if isinstance(error, KafkaError):
        return SendError(f"Kafka refused a batch ({type(error).__name__})")
    return error if isinstance(error, Exception) else SendError("sending to Kafka was interrupted")


def can_compress(compression: str) -> bool:
    """Whether the packages for it are there."""
    return compression != "zstd" or has_zstd()

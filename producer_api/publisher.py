"""Publishing records: which partition, which producer, and what to say while there is none.

An idempotent aiokafka producer retries a batch for as long as it knows the partition's leader, across a broker's
restart too. But a batch it has given up (no leader, a refusal) leaves a gap in its sequence numbers, and then the
broker refuses every later one: such a producer is of no more use. So a producer that has failed one batch, or has had
one not acknowledged in time, is replaced by a new one with a new id, in the background; requests meanwhile are refused
at once.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from functools import lru_cache

import structlog

from contract.receipt import Receipt
from contract.topics import record_key
from kit.kafka_refusal import refusal
from producer_api import metrics
from producer_api.delivery import UNKNOWN_OFFSET, Budget, Delivery, KafkaUnavailableError, Part
from producer_api.kafka_producer import CONNECTION_ERRORS, KafkaProducer, TopicMissingError, can_compress, key_hash
from producer_api.lanes import Lanes
from producer_api.reading import EncodedRecords
from producer_api.settings import Settings

_STOPPING = "the service is stopping"
_NO_ANSWER = "no Kafka broker answers"

_log = structlog.get_logger(__name__)


class Publisher:
    """Publishes actions and waits for their acknowledgement. ``start()`` connects in the background."""

    def __init__(self, settings: Settings) -> None:
        if not can_compress(settings.compression):
            raise ValueError("compression=zstd needs the Python package cramjam; set it to none, or install it")
        self._settings = settings
        self._budget = Budget(settings.max_inflight_bytes)
        self._hash = lru_cache(maxsize=settings.partition_cache_users)(key_hash)
        self._producer: KafkaProducer | None = None
        self._lanes: Lanes | None = None
        self._partitions = 0
        self._away = "the service is connecting to Kafka"
        self._discarding: set[asyncio.Task[None]] = set()
        self._supervisor: asyncio.Task[None] | None = None

    async def publish(self, records: Sequence[EncodedRecords]) -> Receipt | None:
        """The receipt, once all in-sync replicas hold the records; raises a PublishError when they may not.

        None instead when they hold them and the broker does not know at which offsets. A receipt without that
        partition would lie: who waits for it could be answered before the records are there.

        Waits for as long as the acknowledgement takes: the caller bounds it, and cancelling it withdraws what is not
        sent yet.
        """
        return self.receipt(await self.begin(records)) if records else Receipt({})

    def begin(self, records: Sequence[EncodedRecords]) -> asyncio.Future[dict[int, int]]:
        """What ``publish`` waits for, with its errors: raised, or set. There must be records."""
        lanes = self._lanes
        if lanes is None or lanes.failed.done():
            reason = self._away if lanes is None else lanes.failed.result()
            raise KafkaUnavailableError(f"{reason}; nothing of this request was published.")
        by_partition = self._by_partition(records)
        delivery = Delivery(lanes.loop, len(by_partition))
        parts = {partition: Part(delivery, runs) for partition, runs in by_partition.items()}
        self._budget.take(sum([part.size_bytes for part in parts.values()]))
        for partition, part in parts.items():
            lanes.append(partition, part)
        return delivery.future

    def receipt(self, offsets: dict[int, int]) -> Receipt | None:
        """What ``publish`` answers, once the offsets have come that ``begin`` promised."""
        return None if UNKNOWN_OFFSET in offsets.values() else Receipt(offsets)

    def _by_partition(self, records: Sequence[EncodedRecords]) -> dict[int, list[tuple[bytes, Sequence[bytes]]]]:
        runs: dict[int, list[tuple[bytes, Sequence[bytes]]]] = {}
        for envelope in records:
            key = record_key(envelope.user_id)
            runs.setdefault(self._hash(key) % self._partitions, []).append((key, envelope.values))
        return runs

    async def problem(self) -> str | None:
        """None when a broker answers and the topic exists, else what is wrong; asks the broker."""
        if self._producer is None:
            return self._away
        if not await self._producer.refresh():
            return _NO_ANSWER
        return self._topic_problem(self._producer)

    def start(self) -> None:
        """Begin to connect, and to keep connected, until close()."""
        self._supervisor = asyncio.create_task(self._keep_connected())

    def give_up_after(self, delay_s: float) -> None:
        """Fail everything that is still unacknowledged then: the service stops, its requests must be answered."""

        def give_up() -> None:
            if self._supervisor is not None:
                self._supervisor.cancel()
            if self._lanes is not None:
                self._lanes.fail(_STOPPING)

        asyncio.get_running_loop().call_later(delay_s, give_up)

    async def close(self, timeout_s: float) -> None:
        """Wait up to ``timeout_s`` seconds for what is in flight and for goodbyes, then abandon them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                if self._lanes is not None:
                    await self._lanes.finished()
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
        self._retire(_STOPPING)
        if self._discarding:
            await asyncio.wait(self._discarding, timeout=timeout_s)

    # Keeping connected

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                producer = await self._connect()
            except Exception as error:  # noqa: BLE001 - whatever it is, the service must go on trying
                failures += 1
                self._report_away(await self._reason(error), error)
            else:
                acknowledged, reason = await self._use(producer)
                failures = 1 if acknowledged else failures + 1
                self._retire(reason)
                self._report_away(reason)
                metrics.PRODUCER_RESTARTS.inc()
            await asyncio.sleep(self._backoff_s(failures))

    async def _connect(self) -> KafkaProducer:
        producer = KafkaProducer(self._settings)
        try:
            await producer.start()
        except BaseException:
            self._discard(producer)
            raise
        return producer

    async def _use(self, producer: KafkaProducer) -> tuple[bool, str]:
        """Serve requests with this producer until it fails; whether it ever published anything, and the reason."""
        settings = self._settings
        lanes = Lanes(
            producer,
            self._budget,
            ack_timeout_s=settings.request_timeout_s,
            linger_s=settings.linger_ms / 1000,
        )
        self._producer, self._lanes, self._partitions = producer, lanes, producer.partitions
        _log.info("connected to Kafka", topic=self._settings.kafka_topic, partitions=self._partitions)
        while not lanes.failed.done():
            await asyncio.wait([lanes.failed], timeout=self._settings.partition_refresh_ms / 1000)
            if (gone := self._topic_problem(producer)) is not None:
                lanes.fail(gone)
            else:
                self._partitions = producer.partitions
        return lanes.acknowledged, lanes.failed.result()

    def _topic_problem(self, producer: KafkaProducer) -> str | None:
        try:
            _ = producer.partitions
        except TopicMissingError as error:
            return str(error)
        return None

    def _retire(self, reason: str) -> None:
        """Take the producer out of service, and close it in the background."""
        producer, lanes = self._producer, self._lanes
        self._producer = self._lanes = None
        if lanes is not None:
            lanes.fail(reason)
        if producer is not None:
            self._discard(producer)

    def _discard(self, producer: KafkaProducer) -> None:
        task = asyncio.create_task(producer.discard())
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)

    async def _reason(self, error: Exception) -> str:
        """The reason as clients may read it: without the brokers' addresses."""
        if isinstance(error, TopicMissingError):
            return str(error)
        if isinstance(error, TimeoutError):
            return _NO_ANSWER
        if isinstance(error, CONNECTION_ERRORS):
            answer_timeout_s = self._settings.kafka_request_timeout_ms / 1000
            return await refusal(self._settings, timeout_s=answer_timeout_s) or _NO_ANSWER
        return f"connecting to Kafka failed ({type(error).__name__})"

    def _report_away(self, reason: str, error: Exception | None = None) -> None:
        if reason != self._away:  # once, not at every attempt
            servers = self._settings.kafka_bootstrap_servers
            _log.error("not publishing to Kafka", reason=reason, servers=servers, error=repr(error) if error else None)
        self._away = reason

    def _backoff_s(self, failures: int) -> float:
        """Doubling with each failure in a row, and spread so that many services do not call at once."""
        delay_ms = self._settings.kafka_backoff_ms << min(failures - 1, 30)
        return min(delay_ms, self._settings.kafka_backoff_max_ms) / 1000 * random.uniform(0.5, 1.0)  # noqa: S311

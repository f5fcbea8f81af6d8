"""Feeds a topic through whatever happens to its broker, and never writes an id twice."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from uuid_utils import uuid7

from contract.record import SCHEMA_HEADER, encode
from tests.namespace import Namespace
from tests.unit.consumer.records import action
from tests.waiting import wait_until

_TICK_S = 0.05
_CHUNK = 1_000  # records in one go when no rate is asked for
_RETRY_S = 0.2


class Feeder:
    """Valid records, round robin over partitions and months, until ``total`` of them are acknowledged.

    acked   ids whose record Kafka has acknowledged
    unsure  ids given up when a producer failed: their records may be in the topic; new ids took their place
    error   what ended it before its time, if anything did
    """

    def __init__(
        self,
        namespace: Namespace,
        partitions: int,
        total: int,
        *,
        per_second: int | None = None,
        months: int = 3,
        request_timeout_ms: int = 60_000,
    ) -> None:
        self.acked: set[str] = set()
        self.unsure: set[str] = set()
        self.error: BaseException | None = None
        self._namespace = namespace
        self._partitions = partitions
        self._total = total
        self._per_second = per_second
        self._request_timeout_ms = request_timeout_ms
        self._records = _records(months, partitions)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> "Feeder":
        self._thread.start()
        return self

    def finish(self, deadline_s: float) -> None:
        """Wait until all are acknowledged."""
        self._thread.join(deadline_s)
        if self._thread.is_alive():
            raise AssertionError(f"not within {deadline_s} s: {self._total} records written, {len(self.acked)} are")
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End it early: what is acknowledged by then was written."""
        self._stopping.set()
        self._thread.join()

    def wait_for(self, records: int, deadline_s: float = 60) -> None:
        """Until so many are acknowledged."""
        wait_until(lambda: len(self.acked) >= records or self.error is not None, deadline_s, f"{records} are written")

    def _run(self) -> None:
        try:
            asyncio.run(self._feed())
        except BaseException as error:  # noqa: BLE001 - told by finish(), in the test's own thread
            self.error = error
        gc.collect()  # a connection that aiokafka left unclosed is told of in this test, not in a later one

    async def _feed(self) -> None:
        """One producer after another: after an error the state of an idempotent one is not to be relied on."""
        while not self._is_done():
            producer = AIOKafkaProducer(
                bootstrap_servers=self._namespace.infra.kafka_bootstrap,
                enable_idempotence=True,
                acks="all",
                request_timeout_ms=self._request_timeout_ms,
            )
            try:
                await producer.start()
                while not self._is_done():
                    await self._write_some(producer)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(_RETRY_S)
            finally:
                with contextlib.suppress(KafkaError, OSError, TimeoutError):
                    await producer.stop()

    def _is_done(self) -> bool:
        return self._stopping.is_set() or len(self.acked) >= self._total

    async def _write_some(self, producer: AIOKafkaProducer) -> None:
        wanted = _CHUNK if self._per_second is None else max(1, round(self._per_second * _TICK_S))
        count = min(wanted, self._total - len(self.acked))
        futures: dict[str, asyncio.Future[object]] = {}
        failure: BaseException | None = None
        for _ in range(count):
            number, event_id, value = next(self._records)
            self.unsure.add(event_id)
            partition = number % self._partitions
            headers = [SCHEMA_HEADER]
            futures[event_id] = await producer.send(self._namespace.topic, value, b"user", partition, headers=headers)
        for event_id, outcome in zip(
            futures, await asyncio.gather(*futures.values(), return_exceptions=True), strict=True
        ):
            if isinstance(outcome, BaseException):
                failure = outcome
            else:
                self.acked.add(event_id)
                self.unsure.discard(event_id)
        if failure is not None:
            raise failure
        if self._per_second is not None:
            await asyncio.sleep(_TICK_S)


def _records(months: int, partitions: int) -> Iterator[tuple[int, str, bytes]]:
    """Number, id and value of one record after another; in each partition ``time`` goes round the months."""
    number = 0
    while True:
        month = number // partitions % months
        moment = datetime(2020 + month // 12, month % 12 + 1, 14, 12, tzinfo=UTC)
        event_id = str(uuid7())
        yield number, event_id, encode(action(event_id=event_id, user_id=f"user-{number % 97}", time=moment))
        number += 1

"""``python -m bench.ingest_kafka``: bare Kafka, what one process can publish when it does nothing else.

Records as long as the route's own, in batches of 800, one batch in flight per partition, with the options that the
producer API's settings say, its compression too. Measured twice:

- ``appended``  the records are built before the clock starts, each batch is filled from them in the loop, since
                aiokafka can send a batch only once. This is the loop that the goal's 0.45 was derived from
- ``prebuilt``  the batches too are filled before: what is left is sending, and the broker becomes the bottleneck

Prints one JSON object with both.
"""

import argparse
import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from uuid_utils import uuid7

from bench import actions
from contract import record as action_record
from contract.record import SCHEMA_HEADER, ActionRecord
from contract.topics import record_key
from producer_api.settings import Settings

_RECORDS: Final = 800
_PREBUILT_BATCHES: Final = 1_000  # 250 MB
_HEADERS: Final = [SCHEMA_HEADER]


@dataclass(frozen=True)
class BareRun:
    """``records`` acknowledged in ``seconds``, for ``cpu_s`` seconds of this process."""

    records: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """Per record."""
        return self.cpu_s * 1e6 / self.records


class _Action(msgspec.Struct):
    time: datetime
    type: str
    properties: msgspec.Raw


def records(count: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of as many records, each of another user, from the actions that the route is sent."""
    now = datetime.now(UTC)
    sent = msgspec.json.decode(actions.actions(count, now, random.Random(1)), type=list[_Action])
    return [_record(f"load-{n:04}", action, now) for n, action in enumerate(sent)]


def _record(user_id: str, action: _Action, received_at: datetime) -> tuple[bytes, bytes]:
    session, event_id = f"session-of-{user_id}", str(uuid7())
    record = ActionRecord(event_id, user_id, session, action.type, action.time, 0, received_at, action.properties)
    return record_key(user_id), action_record.encode(record)


class _Loop:
    """Sends batches to every partition of a topic."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, values: Sequence[tuple[bytes, bytes]]) -> None:
        self._producer = producer
        self._topic = topic
        self._values = values

    def batch(self) -> Any:
        """A batch that is filled and not sent."""
        batch = self._producer.create_batch()
        for key, value in self._values:
            batch.append(timestamp=None, key=key, value=value, headers=_HEADERS)
        if batch.record_count() != len(self._values):
            raise ValueError(f"a batch took only {batch.record_count()} records")
        return batch

    async def run(self, next_batch: Callable[[], Any]) -> BareRun:
        """Send until ``next_batch`` gives None."""
        partitions = await self._producer.partitions_for(self._topic)
        gc.collect()
        gc.freeze()  # as the producer API does
        sent, began_s, cpu_before_s = 0, time.monotonic(), time.process_time()

        async def lane(partition: int) -> None:
            nonlocal sent
            while (batch := next_batch()) is not None:
                await (await self._producer.send_batch(batch, self._topic, partition=partition))
                sent += len(self._values)

        await asyncio.gather(*(lane(partition) for partition in partitions))
        return BareRun(sent, time.monotonic() - began_s, time.process_time() - cpu_before_s)


async def measure(servers: str, topic: str, seconds: float) -> dict[str, BareRun]:
    """Both ways, one after the other."""
    settings = Settings()
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        enable_idempotence=True,
        acks="all",
        max_batch_size=settings.batch_max_bytes,
        compression_type=None if settings.compression == "none" else settings.compression,
    )
    async with producer:
        loop = _Loop(producer, topic, records(_RECORDS))
        end_s = time.monotonic() + seconds
        appended = await loop.run(lambda: loop.batch() if time.monotonic() < end_s else None)
        ready = [loop.batch() for _ in range(_PREBUILT_BATCHES)]
        prebuilt = await loop.run(lambda: ready.pop() if ready else None)
    return {"appended": appended, "prebuilt": prebuilt}


async def stored(servers: str, topic: str) -> int:
    """The records of a topic."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=servers) as consumer:
        return sum((await consumer.end_offsets(list(consumer.assignment()))).values())


def read(output: bytes) -> dict[str, BareRun]:
    """What this module has printed."""
    return {name: BareRun(**run) for name, run in json.loads(output).items()}


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest_kafka", description=__doc__)
    parser.add_argument("servers", help="host:port of a broker")
    parser.add_argument("topic")
    parser.add_argument("seconds", type=float)
    options = parser.parse_args(arguments)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runs = runner.run(measure(options.servers, options.topic, options.seconds))
    print(json.dumps({name: asdict(run) for name, run in runs.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])

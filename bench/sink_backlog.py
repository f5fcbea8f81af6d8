"""The backlog that the sink's benchmark drains: records as the producer API writes them, over eight partitions."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from uuid_utils import uuid7

from bench import actions
from contract.record import SCHEMA_HEADER, ActionRecord, encode
from contract.topics import record_key

TOPIC: Final = "backlog"
PARTITIONS: Final = 8
_RECORDS_PER_BATCH: Final = 800
_HEADERS: Final = [SCHEMA_HEADER]
_USERS: Final = 5_000
_DISTINCT: Final = 2_000  # actions; every record has its own id, user and time


class _Action(msgspec.Struct):
    time: datetime
    type: str
    properties: msgspec.Raw


async def write(servers: str, records: int) -> int:
    """Write about as many records, spread evenly; the number written. The topic must exist."""
    now = datetime.now(UTC).replace(day=15)  # all of one month
    sent = msgspec.json.decode(actions.actions(_DISTINCT, now, random.Random(1)), type=list[_Action])
    per_partition = max(1, records // PARTITIONS // _RECORDS_PER_BATCH)
    async with AIOKafkaProducer(
        bootstrap_servers=servers, enable_idempotence=True, max_batch_size=1 << 20, compression_type="zstd"
    ) as producer:

        async def fill(partition: int) -> None:
            rng = random.Random(partition)
            for n in range(per_partition):
                batch = producer.create_batch()
                for record in _records(sent, now + timedelta(milliseconds=n), rng):
                    batch.append(timestamp=None, key=record_key(record.user_id), value=encode(record), headers=_HEADERS)
                await (await producer.send_batch(batch, TOPIC, partition=partition))

        await asyncio.gather(*(fill(partition) for partition in range(PARTITIONS)))
    return await end_of(servers)


def _records(sent: Sequence[_Action], now: datetime, rng: random.Random) -> list[ActionRecord]:
    records = []
    for _ in range(_RECORDS_PER_BATCH):
        action, user = rng.choice(sent), f"load-{rng.randrange(_USERS):04}"
        records.append(
            ActionRecord(str(uuid7()), user, f"session-of-{user}", action.type, action.time, 0, now, action.properties)
        )
    return records


async def end_of(servers: str) -> int:
    """The records on the topic."""
    async with AIOKafkaConsumer(bootstrap_servers=servers) as consumer:
        return sum((await consumer.end_offsets(partitions())).values())


def partitions() -> list[TopicPartition]:
    return [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]

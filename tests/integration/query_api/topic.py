"""Records put on the test's topic, as the producer puts them there."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
from aiokafka import AIOKafkaProducer

from contract.record import ActionRecord, encode
from tests.namespace import Namespace

MOMENT = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


def record(user: str = "u", type_: str = "CLICK", properties: str = "{}") -> ActionRecord:
    return ActionRecord(str(uuid.uuid4()), user, "s", type_, MOMENT, -360, MOMENT, msgspec.Raw(properties.encode()))


async def publish(
    namespace: Namespace, records: Iterable[ActionRecord | bytes], partition: int = 0, bootstrap: str | None = None
) -> Sequence[int]:
    """To one partition; the offsets."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap or namespace.infra.kafka_bootstrap, acks="all")
    await producer.start()
    try:
        values = [value if isinstance(value, bytes) else encode(value) for value in records]
        sent = [await producer.send(namespace.topic, value, partition=partition) for value in values]
        return [(await future).offset for future in sent]
    finally:
        await producer.stop()


async def publish_at_once(namespace: Namespace, records: Iterable[ActionRecord]) -> None:
    """To partition 0 as one batch, which consumers get whole."""
    producer = AIOKafkaProducer(bootstrap_servers=namespace.infra.kafka_bootstrap, acks="all", max_batch_size=900_000)
    await producer.start()
    try:
        batch = producer.create_batch()
        assert all(batch.append(key=None, value=encode(each), timestamp=None) for each in records), "too many for one"
        batch.close()
        await (await producer.send_batch(batch, namespace.topic, partition=0))
    finally:
        await producer.stop()

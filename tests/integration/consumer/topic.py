"""A test's topic, seen from outside the sink: write records, read and write the group's committed positions."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import ConsumerRecord, OffsetAndMetadata

from consumer.intent import Position
from contract.record import SCHEMA_HEADER
from tests.namespace import Namespace
from tests.waiting import wait_until_async

_MAX_BATCH_BYTES = 1 << 20


async def write(
    namespace: Namespace,
    partition: int,
    values: Sequence[bytes | None],
    key: bytes = b"user",
    compression: str | None = None,
    *,
    as_one: bool = False,
) -> None:
    """Append the values to a partition; return when the broker has acknowledged them. ``as_one``: in one batch."""
    async with AIOKafkaProducer(
        bootstrap_servers=namespace.infra.kafka_bootstrap,
        acks="all",
        compression_type=compression,
        max_batch_size=_MAX_BATCH_BYTES,
    ) as producer:
        if as_one:
            batch = producer.create_batch()
            for value in values:
                batch.append(timestamp=None, key=key, value=value, headers=[SCHEMA_HEADER])
            await (await producer.send_batch(batch, namespace.topic, partition=partition))
            return
        futures = [
            await producer.send(namespace.topic, value, key, partition, headers=[SCHEMA_HEADER]) for value in values
        ]
        for future in futures:
            await future


async def read(namespace: Namespace, partition: int, count: int) -> list[ConsumerRecord[bytes, bytes]]:
    """The partition's first records, by a consumer as others use it."""
    wanted = TopicPartition(namespace.topic, partition)
    records: list[ConsumerRecord[bytes, bytes]] = []
    async with AIOKafkaConsumer(bootstrap_servers=namespace.infra.kafka_bootstrap) as consumer:
        consumer.assign([wanted])
        await consumer.seek_to_beginning()
        async with asyncio.timeout(60):
            while len(records) < count:
                records += (await consumer.getmany(timeout_ms=1_000)).get(wanted, [])
    return records


async def commit(namespace: Namespace, positions: Mapping[int, Position]) -> None:
    """Leave positions behind as an earlier owner of the partitions would; the group must be empty."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=namespace.infra.kafka_bootstrap, group_id=namespace.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(namespace.topic, number) for number in positions])
        await consumer.commit(
            {
                TopicPartition(namespace.topic, number): OffsetAndMetadata(position.committed, position.metadata)
                for number, position in positions.items()
            }
        )
    finally:
        await consumer.stop()


async def committed(namespace: Namespace) -> dict[int, Position]:
    """The positions that the group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
    await admin.start()
    try:
        answer = await admin.list_consumer_group_offsets(namespace.group)
    finally:
        await admin.close()
    return {tp.partition: Position.read(at.offset, at.metadata) for tp, at in answer.items() if at.offset >= 0}


async def delete_before(namespace: Namespace, partition: int, offset: int) -> None:
    """What retention does: the log of the partition starts at ``offset`` from now on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(namespace.topic, partition): RecordsToDelete(offset)})
    finally:
        await admin.close()


async def write_in_transactions(namespace: Namespace, partition: int, values: Sequence[bytes | None]) -> None:
    """As ``write``, each value in a transaction of its own: offsets 1, 3, 5, ... are end marks. The last is aborted."""
    async with AIOKafkaProducer(
        bootstrap_servers=namespace.infra.kafka_bootstrap, transactional_id=f"test-{namespace.topic}"
    ) as producer:
        for value in values:
            async with producer.transaction():
                await producer.send_and_wait(namespace.topic, value, b"user", partition)
        await producer.begin_transaction()
        await producer.send_and_wait(namespace.topic, b"aborted", b"user", partition)
        await producer.abort_transaction()
    await _ended(namespace, partition)


async def _ended(namespace: Namespace, partition: int) -> None:
    """Until no transaction is open: Kafka answers the end of one before its mark is in the partition."""
    tp, servers = TopicPartition(namespace.topic, partition), namespace.infra.kafka_bootstrap
    async with (
        AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed") as committed,
        AIOKafkaConsumer(bootstrap_servers=servers) as everything,
    ):

        async def marked() -> bool:
            return bool(await committed.end_offsets([tp]) == await everything.end_offsets([tp]))

        await wait_until_async(marked, 60, "the transaction's end mark is there")

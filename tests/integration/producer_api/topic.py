"""Making a topic, and what is on it, read by a plain consumer."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.setup import SetupSettings
from deploy.setup.topic import ensure_topic

_READ_S = 60.0


async def make_topic(bootstrap_servers: str, topic: str, partitions: int = 3) -> None:
    """The topic alone, as the project's setup makes it."""
    settings = {"kafka_bootstrap_servers": bootstrap_servers, "kafka_topic": topic, "topic_partitions": partitions}
    await ensure_topic(SetupSettings.model_validate(settings))


async def delete_topic(bootstrap_servers: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()


async def topics_of(bootstrap_servers: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        return await admin.list_topics()
    finally:
        await admin.close()


async def records_on(bootstrap_servers: str, topic: str) -> list[Any]:
    """Every record of the topic, partition by partition, each in its order."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    async with asyncio.timeout(_READ_S), consumer:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        records: dict[TopicPartition, list[Any]] = {partition: [] for partition in partitions}
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                records[partition].extend((await consumer.getmany(partition, timeout_ms=200)).get(partition, []))
    return [record for partition in partitions for record in records[partition]]

"""The fixtures that every integration test stands on."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.namespace import Namespace


async def test_a_namespace_has_a_topic_that_carries_records(namespace: Namespace) -> None:
    servers = namespace.infra.kafka_bootstrap
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        await producer.send_and_wait(namespace.topic, b"value", key=b"key")
    consumer = AIOKafkaConsumer(
        namespace.topic, bootstrap_servers=servers, group_id=namespace.group, auto_offset_reset="earliest"
    )
    async with consumer:
        record = await consumer.getone()
    assert record.value == b"value"


@pytest.mark.partitions(5)
async def test_a_test_chooses_the_partitions_of_its_topic(namespace: Namespace) -> None:
    async with AIOKafkaProducer(bootstrap_servers=namespace.infra.kafka_bootstrap) as producer:
        assert len(await producer.partitions_for(namespace.topic)) == 5


def test_a_namespace_has_the_tables_and_is_empty(namespace: Namespace) -> None:
    assert namespace.query("SELECT count() FROM {db}.actions") == "0"
    assert "actions" in namespace.query("SHOW TABLES FROM {db}", role="reader").split()

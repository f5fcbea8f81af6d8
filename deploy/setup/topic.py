"""The topic: made when it is missing, checked when it is there, never changed silently."""

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, NoError, TopicAlreadyExistsError, for_code

from deploy.setup.errors import SetupError
from deploy.setup.settings import SetupSettings
from kit.kafka import connection_options

_SEEN_TIMEOUT_S = 10.0
_POLL_S = 0.05


async def ensure_topic(settings: SetupSettings) -> bool:
    """Create the topic if it is missing; True if this call did. Raises SetupError or KafkaError."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    await admin.start()
    try:
        if await _partitions(admin, settings.kafka_topic):
            return False
        await _create(admin, settings)
        await _wait_until_seen(admin, settings)
        return True
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, settings: SetupSettings) -> None:
    topic = NewTopic(
        name=settings.kafka_topic,
        num_partitions=settings.topic_partitions,
        replication_factor=settings.topic_replication_factor,
        topic_configs={
            "cleanup.policy": "delete",
            "retention.ms": str(settings.topic_retention_hours * 3_600_000),
            "min.insync.replicas": str(settings.topic_min_insync_replicas),
        },
    )
    response: Any = await admin.create_topics([topic])
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if error is InvalidReplicationFactorError:  # brokers of the cluster are still starting, or there are too few
            raise error(
                f"fewer than {settings.topic_replication_factor} brokers are there (SETUP_TOPIC_REPLICATION_FACTOR)"
            )
        if error not in (NoError, TopicAlreadyExistsError):
            raise SetupError(f"Kafka refused to create topic {name!r}: {error.__name__} {message}")


async def _wait_until_seen(admin: AIOKafkaAdminClient, settings: SetupSettings) -> None:
    """The answer to CreateTopics comes before every broker's metadata has the topic and its leaders."""
    try:
        async with asyncio.timeout(_SEEN_TIMEOUT_S):
            while await _partitions(admin, settings.kafka_topic) == 0:  # noqa: ASYNC110 - the event is the broker's
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise SetupError(f"topic {settings.kafka_topic!r} was created but is not in Kafka's metadata") from None


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> int:
    """The number of partitions that have a leader; 0 where the topic does not exist."""
    if topic not in await admin.list_topics():  # describing it would create it where the broker allows that
        return 0
    described = await admin.describe_topics([topic])
    return sum(1 for partition in described[0]["partitions"] if partition["leader"] >= 0)

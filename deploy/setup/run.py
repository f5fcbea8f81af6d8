"""The whole setup: topic, database, tables, durability."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from contract.tables import ACTIONS, DEAD_LETTERS
from deploy.setup.cluster import bring_to_new_nodes, check_shards, make_distributed
from deploy.setup.errors import SetupError
from deploy.setup.migrate import load, migrate
from deploy.setup.settings import SetupSettings
from deploy.setup.topic import ensure_topic
from kit.clickhouse import connect

_RETRY_S = 0.25
_ANSWER_TIMEOUT_S = 600.0  # a migration may write a column of a large table
_T = TypeVar("_T")


async def apply(settings: SetupSettings) -> list[str]:
    """Bring Kafka and ClickHouse to what this release needs; answers what was done, a sentence each.

    Waits up to ``wait_timeout_s`` for either to answer. Raises SetupError.
    """
    done = []
    if await _retried(lambda: ensure_topic(settings), settings, "Kafka", settings.kafka_bootstrap_servers):
        done.append(f"created topic {settings.kafka_topic} with {settings.topic_partitions} partitions")
    if settings.cluster is None or settings.cluster.replicated:
        return done + await _tables(settings, settings.clickhouse_url)
    for url in settings.shard_urls:
        done += [f"{each} on the shard at {url}" for each in await _tables(settings, url)]
    return done


async def _tables(settings: SetupSettings, url: str) -> list[str]:
    """Those of one server, or of a replicated cluster through one of its nodes."""
    client = await _retried(lambda: _connect(settings, url), settings, "ClickHouse", url)
    cluster = settings.cluster
    try:
        if cluster and cluster.replicated:
            await bring_to_new_nodes(client, cluster)
        applied = await migrate(client, load(), cluster)
        await _set_durability(client, settings)
        if cluster:
            await make_distributed(client, cluster)
    except ClickHouseError as error:
        raise SetupError(f"ClickHouse refused: {error}") from error
    finally:
        await client.close()
    return [f"applied {item.version:04}_{item.name}" for item in applied]


async def _connect(settings: SetupSettings, url: str) -> AsyncClient:
    """A client inside the database, which is created when missing."""
    anywhere = await connect(
        settings.model_copy(update={"clickhouse_database": ""}), answer_timeout_s=_ANSWER_TIMEOUT_S, url=url
    )
    cluster = settings.cluster
    try:
        if cluster:
            await check_shards(anywhere, cluster, settings.clickhouse_shard_urls and settings.shard_urls)
        databases = (
            cluster.databases() if cluster else [f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse_database}"]
        )
        for statement in databases:  # names are \w+ by the settings
            await anywhere.command(statement)
    finally:
        await anywhere.close()
    return await connect(settings, answer_timeout_s=_ANSWER_TIMEOUT_S, url=url)


async def _set_durability(client: AsyncClient, settings: SetupSettings) -> None:
    fsync, reserve = int(settings.fsync), settings.disk_reserve_bytes
    on = settings.cluster.on if settings.cluster else ""
    for table in (ACTIONS, DEAD_LETTERS):
        await client.command(
            f"ALTER TABLE {settings.clickhouse_database}.{table}{on}"
            f" MODIFY SETTING fsync_after_insert = {fsync}, fsync_part_directory = {fsync},"
            f" min_free_disk_bytes_to_perform_insert = {reserve}"
        )


async def _retried(step: Callable[[], Awaitable[_T]], settings: SetupSettings, name: str, address: str) -> _T:
    """Run the step until its server answers, within the bound."""
    deadline = asyncio.get_running_loop().time() + settings.wait_timeout_s
    while True:
        try:
            return await step()
        except (KafkaError, OperationalError) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SetupError(f"{name} at {address} did not answer: {error}") from error
            await asyncio.sleep(_RETRY_S)
        except ClickHouseError as error:
            raise SetupError(f"ClickHouse refused: {error}") from error

"""`python -m deploy.setup` on two shards."""

import pytest

from contract.tables import COLUMNS
from deploy.setup import SetupError, apply
from deploy.setup.cluster import TABLES, bring_to_new_nodes
from deploy.setup.migrate import load
from kit.clickhouse import connect
from tests.infra import Infra
from tests.shards import CLUSTER, ShardedNamespace, Shards, sharded


def test_every_shard_has_the_tables_and_reads_them_all(namespace: ShardedNamespace) -> None:
    for number in range(2):
        namespace.on(
            number, f"INSERT INTO {{db}}.actions (event_id, time, partition) VALUES (generateUUIDv4(), now(), {number})"
        )
    assert namespace.on_each("SELECT partition FROM {db}.actions") == ["0", "1"]
    assert (
        namespace.on_each("SELECT groupArray(partition) FROM (SELECT partition FROM {db}_all.actions ORDER BY 1)")
        == ["[0,1]"] * 2
    )


@pytest.mark.parametrize("table", list(COLUMNS))
def test_what_reads_all_shards_has_what_the_services_rely_on(namespace: ShardedNamespace, table: str) -> None:
    columns = namespace.query(f"SELECT name FROM system.columns WHERE database = '{{db}}' AND table = '{table}'")
    assert COLUMNS[table] <= set(columns.split())


async def test_a_second_run_finds_nothing_to_do(namespace: ShardedNamespace) -> None:
    made = _made(namespace)
    assert await apply(namespace.setup_settings()) == []
    assert _made(namespace) == made, "a table was made anew"


async def test_a_new_column_is_seen_through_the_tables_that_read_all_shards(namespace: ShardedNamespace) -> None:
    namespace.on_each("ALTER TABLE {db}.actions ADD COLUMN later String")
    await apply(namespace.setup_settings())
    assert namespace.query("SELECT count(later) FROM {db}.actions") == "0"


async def test_a_shard_that_comes_later_gets_the_tables(infra: Infra, shards: Shards) -> None:
    with sharded(infra, shards) as namespace:
        for database in ("{db}_all", "{db}"):
            namespace.on(1, f"DROP DATABASE {database} SYNC")
        done = await apply(namespace.setup_settings())
    assert done == [f"applied {each.version:04}_{each.name} on the shard at {shards[1].url}" for each in load()]


async def test_as_many_shards_must_be_named_as_the_cluster_has(namespace: ShardedNamespace) -> None:
    settings = namespace.setup_settings().model_copy(update={"clickhouse_shard_urls": namespace.shards[0].url})
    with pytest.raises(SetupError, match=f"'{CLUSTER}' has 2 shards and SETUP_CLICKHOUSE_SHARD_URLS names 1"):
        await apply(settings)


async def test_a_cluster_that_clickhouse_does_not_know_is_named(namespace: ShardedNamespace) -> None:
    settings = namespace.setup_settings().model_copy(update={"clickhouse_cluster": "other"})
    with pytest.raises(SetupError, match="knows no cluster 'other'"):
        await apply(settings)


async def test_plain_tables_are_not_taken_for_replicated_ones(namespace: ShardedNamespace) -> None:
    """Made again ON CLUSTER, they would be plain on every replica, and rows on one of them."""
    settings = namespace.setup_settings().model_copy(update={"clickhouse_replicated": True})
    client = await connect(settings, answer_timeout_s=30)
    assert settings.cluster is not None
    try:
        with pytest.raises(SetupError, match="is not replicated, and this cluster's must be"):
            await bring_to_new_nodes(client, settings.cluster)
    finally:
        await client.close()


def _made(namespace: ShardedNamespace) -> list[str]:
    listed = ", ".join(f"'{table}'" for table in TABLES)
    return namespace.on_each(
        f"SELECT name, uuid FROM system.tables WHERE database = '{{db}}_all' AND name IN ({listed}) ORDER BY 1"
    )

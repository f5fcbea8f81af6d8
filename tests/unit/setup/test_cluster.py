"""The migrations' statements for a cluster. tests/integration/shards has ClickHouse read them."""

import re

import pytest

from deploy.setup import SetupError, SetupSettings
from deploy.setup.cluster import HISTORY, Cluster
from deploy.setup.migrate import load

PLAIN = Cluster("c", "log", replicated=False)
REPLICATED = Cluster("c", "log", replicated=True)
STATEMENTS = [statement for migration in load() for statement in migration.statements]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_plain_shards_get_each_statement_as_it_is(statement: str) -> None:
    assert PLAIN.rendered(statement) == statement


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_reaches_every_replica(statement: str) -> None:
    assert re.match(
        r"(CREATE TABLE IF NOT EXISTS|ALTER TABLE) log\.\w+ ON CLUSTER 'c'\s", REPLICATED.rendered(statement)
    )


@pytest.mark.parametrize("statement", [each for each in STATEMENTS if each.startswith("CREATE")])
def test_every_table_is_replicated_within_its_shard(statement: str) -> None:
    rendered = REPLICATED.rendered(statement)
    (table,) = re.findall(r"NOT EXISTS log\.(\w+)", rendered)
    (engine,) = re.findall(r"^ENGINE = (.*)$", rendered, re.MULTILINE)
    kind = re.findall(r"^ENGINE = (\w+)$", statement, re.MULTILINE)[0]
    assert engine == f"Replicated{kind}('/clickhouse/tables/log/{{shard}}/{table}', '{{replica}}')"


def test_tokens_are_known_for_as_long_on_replicas() -> None:
    (actions, *_) = STATEMENTS
    assert "SETTINGS replicated_deduplication_window = 10000, replicated_deduplication" in REPLICATED.rendered(actions)
    assert "non_replicated" not in REPLICATED.rendered(actions)


def test_all_nodes_share_one_history() -> None:
    made = REPLICATED.rendered(
        f"CREATE TABLE IF NOT EXISTS {HISTORY}\n(a Int8)\nENGINE = ReplacingMergeTree\nORDER BY a"
    )
    assert "('/clickhouse/tables/log/schema_migrations', '{shard}-{replica}')" in made


@pytest.mark.parametrize("statement", ["OPTIMIZE TABLE a", "INSERT INTO a VALUES (1)", "RENAME TABLE a TO b"])
def test_a_statement_that_would_reach_one_node_only_is_refused(statement: str) -> None:
    with pytest.raises(SetupError, match="cannot be given to a cluster"):
        REPLICATED.rendered(statement)


def test_a_table_is_made_on_new_nodes_as_it_is_now() -> None:
    definition = (
        "CREATE TABLE log.actions (`a` String) ENGINE = ReplicatedMergeTree('/p/{shard}', '{replica}') ORDER BY a"
    )
    again = REPLICATED.again(definition)
    assert again.startswith("CREATE TABLE IF NOT EXISTS log.actions ON CLUSTER 'c' (`a` String)")


@pytest.mark.parametrize("engine", ["SummingMergeTree", "MergeTree ORDER BY a"])
def test_an_engine_that_would_stay_plain_is_refused(engine: str) -> None:
    """The rows would be on one replica only."""
    with pytest.raises(SetupError, match="no engine"):
        REPLICATED.rendered(f"CREATE TABLE IF NOT EXISTS t\n(a Int8)\nENGINE = {engine}")


def test_what_makes_no_cluster_is_refused_at_start() -> None:
    urls = "http://a:1,http://b:2"
    with pytest.raises(ValueError, match="needs clickhouse_cluster"):
        SetupSettings(clickhouse_shard_urls=urls)
    with pytest.raises(ValueError, match="needs clickhouse_shard_urls"):
        SetupSettings(clickhouse_cluster="c", clickhouse_replicated=False)
    assert SetupSettings(clickhouse_cluster="c").cluster == Cluster("c", "actionlog", replicated=True)

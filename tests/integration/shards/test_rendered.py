"""Statements for replicated clusters, which this build of ClickHouse can read and not run (docs/cluster.md)."""

import pytest

from deploy.setup.cluster import TABLES, Cluster
from deploy.setup.migrate import load
from tests.infra import Infra
from tests.namespace import Namespace

CLUSTER = Cluster("c", "log", replicated=True)
MIGRATIONS = [CLUSTER.rendered(statement) for migration in load() for statement in migration.statements]
OTHERS = [*CLUSTER.databases(), *map(CLUSTER.distributed, TABLES)]


@pytest.mark.parametrize("statement", [*MIGRATIONS, *OTHERS])
def test_clickhouse_can_read_it(infra: Infra, statement: str) -> None:
    tree = infra.query(f"EXPLAIN AST {statement}")
    assert tree.startswith(("CreateQuery", "AlterQuery", "TableOverride")), tree


def test_what_reads_all_shards_can_be_given_to_new_nodes(infra: Infra) -> None:
    definition = "CREATE TABLE log_all.actions (`a` String) ENGINE = Distributed('c', 'log', 'actions')"
    assert infra.query(f"EXPLAIN AST {CLUSTER.again(definition)}").startswith("CreateQuery")


def test_the_settings_of_replicated_tables_exist(infra: Infra) -> None:
    names = ("replicated_deduplication_window", "replicated_deduplication_window_seconds")
    assert infra.query(f"SELECT count() FROM system.merge_tree_settings WHERE name IN {names}") == "2"
    assert all(f"{name} = " in MIGRATIONS[0] for name in names)


def test_a_tables_own_definition_can_be_given_to_new_nodes(namespace: Namespace) -> None:
    """Of the plain tables: those of replicated ones differ in the engine alone."""
    for table in TABLES:
        definition = namespace.infra.query(
            f"SELECT create_table_query FROM system.tables WHERE database = '{namespace.database}' AND name = '{table}'"
            " FORMAT TSVRaw"
        )
        again = CLUSTER.again(definition)
        assert again.startswith(f"CREATE TABLE IF NOT EXISTS {namespace.database}.{table} ON CLUSTER 'c' (")
        assert namespace.infra.query(f"EXPLAIN AST {again}").startswith("CreateQuery")

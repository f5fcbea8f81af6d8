"""A cluster of shards: the migrations' statements as it needs them, and the tables that read every shard.

Each shard has the tables of the migrations, under their names, in the database D. In the database D_all, on every node,
a Distributed table of the same name reads those of all shards. docs/decisions/012 says why.

Plain shards are given each statement one by one. Replicated ones are given it once, ON CLUSTER, with the engine's
Replicated kind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from contract.tables import ACTIONS, DEAD_LETTER_REPLAYS, DEAD_LETTERS, ERASURES, all_shards
from deploy.setup.errors import SetupError

HISTORY: Final = "schema_migrations"
TABLES: Final = (ACTIONS, DEAD_LETTERS, DEAD_LETTER_REPLAYS, ERASURES, HISTORY)

# A stopped sink that wakes up repeats a token: those of the last 10,000 blocks are known, for a week (Keeper's default
# is an hour).
_WINDOW: Final = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800"
_TABLE: Final = re.compile(r"^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)")
_ENGINE: Final = re.compile(r"^ENGINE = ((?:Replacing)?MergeTree)$", re.MULTILINE)
_PLAIN_WINDOW: Final = re.compile(r"non_replicated_deduplication_window = \d+")


@dataclass(frozen=True)
class Cluster:
    """``name``: in remote_servers; ``database``: of the local tables."""

    name: str
    database: str
    replicated: bool

    @property
    def on(self) -> str:
        """What follows the name in a statement that makes or alters."""
        return f" ON CLUSTER '{self.name}'" if self.replicated else ""

    def rendered(self, statement: str) -> str:
        """A migration's statement, which makes or alters one table, for this cluster. Raises SetupError."""
        if not self.replicated:
            return statement
        found = _TABLE.match(statement)
        if found is None:
            raise SetupError(f"this statement cannot be given to a cluster: {statement.splitlines()[0]}")
        verb, table = found.groups()
        rest = _PLAIN_WINDOW.sub(_WINDOW, statement[found.end() :])
        rest, engines = _ENGINE.subn(lambda engine: f"ENGINE = Replicated{engine[1]}({self._path(table)})", rest)
        if engines != verb.startswith("CREATE"):
            raise SetupError(f"{table}: no engine on a line of its own that has a Replicated kind")
        return f"{verb} {self.database}.{table}{self.on}{rest}"

    def _path(self, table: str) -> str:
        """Where Keeper has it. All nodes share one history: what it says was applied was applied ON CLUSTER."""
        place = f"/clickhouse/tables/{self.database}"
        if table == HISTORY:
            return f"'{place}/{table}', '{{shard}}-{{replica}}'"
        return f"'{place}/{{shard}}/{table}', '{{replica}}'"

    def databases(self) -> list[str]:
        """The statements that make the databases."""
        names = (self.database, all_shards(self.database))
        return [f"CREATE DATABASE IF NOT EXISTS {name}{self.on}" for name in names]

    def again(self, definition: str) -> str:
        """A table's own CREATE TABLE, as it is now, for nodes that have come since it was made."""
        return re.sub(r"^CREATE TABLE (\S+)", rf"CREATE TABLE IF NOT EXISTS \1{self.on}", definition)

    def distributed(self, table: str) -> str:
        """The statement that makes the table that reads all shards, or makes it anew with the columns of now."""
        return (
            f"CREATE OR REPLACE TABLE {all_shards(self.database)}.{table}{self.on} AS {self.database}.{table}\n"
            f"ENGINE = Distributed('{self.name}', '{self.database}', '{table}')"
        )


async def check_shards(client: AsyncClient, cluster: Cluster, shards: Sequence[str]) -> None:
    """Raises SetupError unless the server knows the cluster, with as many shards as there are URLs, if any."""
    known = await client.query(
        "SELECT uniqExact(shard_num) FROM system.clusters WHERE cluster = {name:String}", {"name": cluster.name}
    )
    count = int(known.result_rows[0][0])
    if count == 0:
        raise SetupError(f"ClickHouse knows no cluster {cluster.name!r} (remote_servers, SETUP_CLICKHOUSE_CLUSTER)")
    if shards and count != len(shards):
        raise SetupError(
            f"cluster {cluster.name!r} has {count} shards and SETUP_CLICKHOUSE_SHARD_URLS names {len(shards)}"
        )


async def bring_to_new_nodes(client: AsyncClient, cluster: Cluster) -> None:
    """Make every table that this node has on those that lack it: of a new replica, of a new shard.

    Raises SetupError where one of them is a plain table: its rows would be on this node alone.
    """
    have = await client.query(
        "SELECT database, name, engine, create_table_query FROM system.tables"
        " WHERE database IN ({own:String}, {all:String}) ORDER BY database",  # the local ones first
        {"own": cluster.database, "all": all_shards(cluster.database)},
    )
    made = [row for row in have.result_rows if row[1] in TABLES]
    plain = [name for database, name, engine, _ in made if database == cluster.database and "Replicated" not in engine]
    if plain:
        raise SetupError(
            f"table {plain[0]} is not replicated, and this cluster's must be (SETUP_CLICKHOUSE_REPLICATED)"
        )
    for *_, definition in made:
        await client.command(cluster.again(definition))


async def make_distributed(client: AsyncClient, cluster: Cluster) -> None:
    """The tables that read all shards, where they are missing or have other columns than the local ones.

    Raises SetupError where a local one is missing: the node has come since, and cannot tell what the others have.
    """
    local, everywhere = [await _columns(client, name) for name in (cluster.database, all_shards(cluster.database))]
    for table in TABLES:
        if table not in local:
            raise SetupError(f"this node has no table {table}: SETUP_CLICKHOUSE_URL must be a node that has the tables")
        if local[table] != everywhere.get(table):
            await client.command(cluster.distributed(table))


async def _columns(client: AsyncClient, database: str) -> dict[str, list[tuple[str, ...]]]:
    """Of each table: names, types and defaults of its columns."""
    answer = await client.query(
        "SELECT table, groupArray((name, type, default_kind, default_expression)) FROM"
        " (SELECT * FROM system.columns WHERE database = {database:String} ORDER BY table, position) GROUP BY table",
        {"database": database},
    )
    return {str(table): list(columns) for table, columns in answer.result_rows}

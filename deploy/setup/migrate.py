"""Versioned SQL migrations with a recorded history.

A migration is a file `NNNN_name.sql` beside this module: statements that each end with `;` at the end of a line and may
run twice (IF NOT EXISTS), since ClickHouse has no transactions over DDL. What was applied is never changed: a file
whose content differs from the history is refused.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.asyncclient import AsyncClient

from deploy.setup.cluster import HISTORY, Cluster
from deploy.setup.errors import SetupError

FOLDER = Path(__file__).parent / "migrations"

_HISTORY = f"""\
CREATE TABLE IF NOT EXISTS {HISTORY}
(
    version    UInt32,
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY version
"""


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name, its statements."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        without_comments = re.sub(r"^\s*--.*$", "", self.sql, flags=re.MULTILINE)
        return [part.strip() for part in re.split(r";\s*$", without_comments, flags=re.MULTILINE) if part.strip()]


def load(folder: Path = FOLDER) -> list[Migration]:
    """The folder's migrations in order; raises SetupError for a name or a number that does not fit."""
    migrations = []
    for file in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match is None:
            raise SetupError(f"{file.name}: a migration is named NNNN_name.sql")
        migrations.append(Migration(int(match[1]), match[2], file.read_text()))
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise SetupError("migrations must be numbered 0001, 0002, ... without a gap")
    return migrations


async def migrate(
    client: AsyncClient, migrations: Sequence[Migration], cluster: Cluster | None = None
) -> list[Migration]:
    """Apply what the history does not have yet, on this server or on this cluster; answers what was applied."""
    render = cluster.rendered if cluster else str
    await client.command(render(_HISTORY))
    if cluster and cluster.replicated:
        await client.command(f"SYSTEM SYNC REPLICA {HISTORY}")
    rows = (await client.query("SELECT version, checksum FROM schema_migrations FINAL ORDER BY version")).result_rows
    history = {int(version): str(checksum) for version, checksum in rows}
    pending = plan(migrations, history)
    for migration in pending:
        for statement in migration.statements:
            await client.command(render(statement))
        await client.insert(
            HISTORY,
            [[migration.version, migration.name, migration.checksum]],
            column_names=["version", "name", "checksum"],
        )
    return pending


def plan(migrations: Sequence[Migration], history: dict[int, str]) -> list[Migration]:
    """The migrations to apply; raises SetupError where history and files contradict each other."""
    known = {migration.version: migration for migration in migrations}
    for version, checksum in history.items():
        migration = known.get(version)
        if migration is None:
            raise SetupError(f"the database has migration {version}, which this release does not know: it is newer")
        if migration.checksum != checksum:
            raise SetupError(f"migration {version:04}_{migration.name}.sql was changed after it was applied")
    return [migration for migration in migrations if migration.version not in history]

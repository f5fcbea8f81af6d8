"""`python -m deploy.setup` on the real broker and engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from contract.tables import COLUMNS
from deploy.setup import SetupError, apply
from deploy.setup.migrate import load
from tests.namespace import Namespace

CHECKOUT = Path(__file__).resolve().parents[3]


async def test_a_second_run_finds_nothing_to_do(empty_namespace: Namespace) -> None:
    settings = empty_namespace.setup_settings(partitions=5)
    done = await apply(settings)
    assert done == [
        f"created topic {empty_namespace.topic} with 5 partitions",
        *(f"applied {migration.version:04}_{migration.name}" for migration in load()),
    ]
    assert await apply(settings) == []


async def test_rows_stored_before_their_time_was_kept_do_not_get_one(namespace: Namespace) -> None:
    """A default that is the clock would otherwise be read into them."""
    namespace.query("ALTER TABLE {db}.actions DROP COLUMN stored_at")
    row = "INSERT INTO {db}.actions (event_id, time) VALUES (generateUUIDv4(), '2026-01-01 00:00:00')"
    namespace.query(row)
    stored_at = next(migration for migration in load() if migration.name == "stored_at")
    for statement in stored_at.statements:
        namespace.query(statement.replace("ALTER TABLE ", "ALTER TABLE {db}."))
    namespace.query(row)
    stored = namespace.query("SELECT toUnixTimestamp64Milli(stored_at) > 0 FROM {db}.actions ORDER BY 1")
    assert stored.split() == ["0", "1"]


async def test_the_history_is_recorded(namespace: Namespace) -> None:
    history = namespace.query(
        "SELECT version, name, applied_at > now() - 3600 FROM {db}.schema_migrations FINAL ORDER BY version"
    )
    assert history.splitlines() == [f"{migration.version}\t{migration.name}\t1" for migration in load()]


async def test_a_migration_changed_afterwards_is_refused(namespace: Namespace) -> None:
    namespace.query("INSERT INTO {db}.schema_migrations (version, name, checksum) VALUES (1, 'actions', 'other')")
    with pytest.raises(SetupError, match="was changed after it was applied"):
        await apply(namespace.setup_settings())


@pytest.mark.parametrize("table", list(COLUMNS))
def test_the_tables_have_what_the_services_rely_on(namespace: Namespace, table: str) -> None:
    columns = namespace.query(f"SELECT name FROM system.columns WHERE database = '{{db}}' AND table = '{table}'")
    assert COLUMNS[table] <= set(columns.split())


@pytest.mark.parametrize("fsync", [True, False])
async def test_durability_follows_the_setting(namespace: Namespace, *, fsync: bool) -> None:
    await apply(namespace.setup_settings().model_copy(update={"fsync": fsync}))
    for table in COLUMNS:
        made = namespace.query(f"SHOW CREATE TABLE {{db}}.{table}")
        assert f"fsync_after_insert = {fsync:d}" in made
        assert f"fsync_part_directory = {fsync:d}" in made
        assert "non_replicated_deduplication_window = 10000" in made


async def test_inserts_leave_the_reserve_on_the_disk(namespace: Namespace) -> None:
    reserve = 1 << 60  # more than any disk has
    await apply(namespace.setup_settings().model_copy(update={"disk_reserve_bytes": reserve}))
    for table in COLUMNS:
        made = namespace.query(f"SHOW CREATE TABLE {{db}}.{table}")
        assert f"min_free_disk_bytes_to_perform_insert = {reserve}" in made


async def test_the_topic_keeps_records_for_as_long_as_the_setting_says(empty_namespace: Namespace) -> None:
    await apply(empty_namespace.setup_settings().model_copy(update={"topic_retention_hours": 2}))
    admin = AIOKafkaAdminClient(bootstrap_servers=empty_namespace.infra.kafka_bootstrap)
    await admin.start()
    try:
        answers: list[Any] = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, empty_namespace.topic)]
        )
    finally:
        await admin.close()
    values = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
    assert (values["retention.ms"], values["cleanup.policy"]) == ("7200000", "delete")


@pytest.mark.parametrize(
    ("variable", "name"), [("SETUP_KAFKA_BOOTSTRAP_SERVERS", "Kafka"), ("SETUP_CLICKHOUSE_URL", "ClickHouse")]
)
def test_a_server_away_is_named_within_the_bound(namespace: Namespace, variable: str, name: str) -> None:
    away = "http://127.0.0.1:1" if name == "ClickHouse" else "127.0.0.1:1"
    environment = {**namespace.environment("deploy.setup"), variable: away, "SETUP_WAIT_TIMEOUT_S": "1"}
    ended = run(environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"setup failed: {name} at {away} did not answer")
    assert "Traceback" not in ended.stderr


def test_a_user_without_the_right_is_told_so(namespace: Namespace) -> None:
    writer = namespace.infra.writer
    environment = {
        **namespace.environment("deploy.setup"),
        "SETUP_CLICKHOUSE_USER": writer.name,
        "SETUP_CLICKHOUSE_PASSWORD": writer.password,
        "SETUP_CLICKHOUSE_DATABASE": f"{namespace.database}_other",
    }
    ended = run(environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith("setup failed: ClickHouse refused: ")


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.setup"]
    return subprocess.run(
        command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )

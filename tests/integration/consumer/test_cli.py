"""`python -m consumer` and its tools as commands: usage, exit codes, output."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.intent import Position
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.unit.consumer.records import record

_CHECKOUT = Path(__file__).resolve().parents[3]


def consumer(*words: str, namespace: Namespace | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    ours = namespace.environment("consumer") if namespace else {}
    ours |= {f"CONSUMER_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "consumer", *words],
        cwd=_CHECKOUT,
        env={**os.environ, **ours},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_tool() -> None:
    shown = consumer("--help")
    assert shown.returncode == 0
    for tool in ("audit", "rebuild", "dead-letters"):
        assert tool in shown.stdout
        assert consumer(tool, "--help").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["wat"],
        ["audit", "--wat"],
        ["audit", "--from", "yesterday"],
        ["audit", "--from", "2026-03-14T12:00:00"],
        ["audit", "--limit-listed", "-1"],
        ["rebuild", "--drop-old", "--abandon"],
        ["dead-letters", "wat"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_says_why(words: list[str]) -> None:
    shown = consumer(*words)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "usage: python -m consumer" in shown.stderr


def test_a_rebuild_over_several_shards_is_refused_and_says_what_to_do_instead() -> None:
    shown = consumer("rebuild", CLICKHOUSE_SHARD_URLS="http://127.0.0.1:1,http://127.0.0.1:2")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "delete the group's offsets of the shard's partitions" in shown.stderr


async def test_an_audit_ends_with_0_when_the_books_balance_and_with_1_when_not(namespace: Namespace) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(3)])
    shown = consumer("audit", namespace=namespace)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "The books balance: 3 records, 3 of them in flight, none missing, none stored twice." in shown.stdout
    await topic.commit(namespace, {0: Position(3)})
    shown = consumer("audit", "--json", namespace=namespace)
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["partitions"][0]["missing"] == 3


def test_a_partition_that_the_topic_lacks_is_wrong_usage(namespace: Namespace) -> None:
    shown = consumer("audit", "--partition", "7", namespace=namespace)
    assert shown.returncode == 2
    assert "has no partition 7" in shown.stderr


@pytest.mark.parametrize("away", ["KAFKA_BOOTSTRAP_SERVERS", "CLICKHOUSE_URL"])
def test_a_server_that_is_away_ends_with_3_in_one_sentence(namespace: Namespace, away: str) -> None:
    address = "127.0.0.1:1" if away.startswith("KAFKA") else "http://127.0.0.1:1"
    shown = consumer("audit", namespace=namespace, **{away: address})
    assert (shown.returncode, shown.stdout) == (3, "")
    assert shown.stderr.startswith("no audit: ")
    assert len(shown.stderr.splitlines()) == 1


def as_admin(namespace: Namespace) -> dict[str, str]:
    admin = namespace.infra.admin
    return {"REBUILD_CLICKHOUSE_USER": admin.name, "REBUILD_CLICKHOUSE_PASSWORD": admin.password}


def test_a_rebuild_says_what_it_did_and_the_next_one_why_it_does_not(namespace: Namespace) -> None:
    shown = consumer("rebuild", namespace=namespace, **as_admin(namespace))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("rebuilt actions from topic")
    shown = consumer("rebuild", namespace=namespace, **as_admin(namespace))
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "run `rebuild --drop-old`" in shown.stderr
    shown = consumer("rebuild", "--drop-old", namespace=namespace, **as_admin(namespace))
    assert (shown.returncode, shown.stdout) == (0, "dropped actions_before_rebuild\n")


def test_a_rebuild_as_the_sinks_own_user_is_refused(namespace: Namespace) -> None:
    shown = consumer("rebuild", namespace=namespace)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "Not enough privileges" in shown.stderr
    assert namespace.query("EXISTS TABLE {db}.actions_rebuild") == "0"


def test_a_rebuild_without_kafka_ends_with_3(namespace: Namespace) -> None:
    shown = consumer("rebuild", namespace=namespace, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", **as_admin(namespace))
    assert (shown.returncode, shown.stdout) == (3, "")
    assert shown.stderr.startswith("not rebuilt: ")

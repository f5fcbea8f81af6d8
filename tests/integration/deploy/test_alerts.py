"""Each alert rings when it should and only then, by promtool: Prometheus' own evaluation of made-up hours."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.integration.deploy import prometheus
from tests.unit.deploy.manifests import OBSERVABILITY
from tests.unit.deploy.test_observability import alerts

_PROMTOOL_S: Final = 120
_TWELVE: Final = [f'actionlog_sink_watermark_offset{{instance="a",partition="{number}"}}' for number in range(12)]
# While a group settles two sinks may both show a partition: it is one with an owner, not two.
_TWICE: Final = 'actionlog_sink_watermark_offset{instance="b",partition="5"}'
_UP: Final = {'up{job="producer-api",instance="a"}': "1x30", 'up{job="consumer",instance="a"}': "1x30"}


@dataclass(frozen=True)
class Case:
    """Series by minute, in promtool's words: ``0+5x20`` is 0, 5, ... twenty times, ``_`` no sample.

    ``minute`` is the first at which the alert must ring; the one before, or after ``quiet`` alone, it must not.
    """

    alert: str
    rings: dict[str, str]
    quiet: dict[str, str]
    minute: int
    summary: str
    labels: dict[str, str] = field(default_factory=dict)


CASES: Final = [
    Case(
        "ReadsAreBehind",
        {'actionlog_sink_lag_seconds{partition="3"}': "90x10", 'actionlog_sink_lag_seconds{partition="4"}': "0x10"},
        {'actionlog_sink_lag_seconds{partition="3"}': "60x10"},
        1,
        "GET /log is 1m 30s behind what was accepted",
    ),
    Case(
        "BacklogGrows",
        {'actionlog_sink_lag_records{partition="3"}': "100000+1000x30"},
        {'actionlog_sink_lag_records{partition="3"}': "900000-1000x30"},
        11,
        "111k records wait, and their number grows",
    ),
    Case(
        "PartitionWithoutOwner",
        dict.fromkeys([*_TWELVE[1:], _TWICE], "5x10"),
        dict.fromkeys(_TWELVE, "5x10"),
        2,
        "Only 11 of 12 partitions have a sink",
    ),
    Case(
        "RecordsLost",
        {'actionlog_sink_records_lost_total{partition="0"}': "0x4 7x5"},
        {'actionlog_sink_records_lost_total{partition="0"}': "0x10"},
        5,
        "Kafka deleted records before they were stored",
    ),
    Case(
        "PartitionStopped",
        {'actionlog_sink_stopped_partitions{instance="a"}': "0x4 1x5"},
        {'actionlog_sink_stopped_partitions{instance="a"}': "0x10"},
        5,
        "1 partitions are stopped until a person acts",
    ),
    Case(
        "InsertsRefused",
        {'actionlog_sink_insert_failures_total{kind="refused"}': "0+1x20"},
        {'actionlog_sink_insert_failures_total{kind="unavailable"}': "0+1x20"},
        6,
        "ClickHouse refuses the sink's inserts",
    ),
    Case(
        "ShardAway",
        {'actionlog_sink_waiting_blocks{shard="1"}': "4x10", 'actionlog_sink_waiting_blocks{shard="0"}': "0x10"},
        {'actionlog_sink_waiting_blocks{shard="1"}': "4 0 4 0 4 0 4 0 4 0 4"},
        3,
        "Shard 1 takes no blocks; its partitions wait",
        {"shard": "1"},
    ),
    Case(
        "DeadLetters",
        {"actionlog_sink_dead_lettered_total": "0x4 3x5"},
        {"actionlog_sink_dead_lettered_total": "3x10"},
        5,
        "3 records could not be stored as actions",
    ),
    Case(
        "ServiceDown",
        {**_UP, 'up{job="query-api",instance="a:8001"}': "0x10"},
        {
            **_UP,
            'up{job="query-api",instance="a:8001"}': "1 0 1 0 1 0 1 0 1 0 1",
            'up{job="other",instance="b"}': "0x10",
        },
        1,
        "query-api a:8001 does not answer",
        {"job": "query-api", "instance": "a:8001"},
    ),
    Case(  # all pods of it are gone, and with them their series
        "ServiceDown",
        {**_UP, 'up{job="query-api",instance="a:8001"}': "1x4 stale"},
        {**_UP, 'up{job="query-api",instance="a:8001"}': "1x4 stale", 'up{job="query-api",instance="b:8001"}': "1x20"},
        6,
        "query-api does not answer",
        {"job": "query-api"},
    ),
    Case(
        "PostsRefusedBeingFull",
        {'actionlog_producer_refused_requests_total{reason="kafka-unavailable"}': "0+1x20"},
        {'actionlog_producer_refused_requests_total{reason="invalid-request"}': "0+1x20"},
        6,
        "POST /log answers 503: Kafka is away or too slow",
    ),
    Case(
        "ReadsFail",
        {
            'actionlog_query_requests_total{status="503"}': "0+6x20",
            'actionlog_query_requests_total{status="200"}': "0+94x20",
        },
        {
            'actionlog_query_requests_total{status="503"}': "0+4x20",
            'actionlog_query_requests_total{status="200"}': "0+96x20",
        },
        6,
        "More than one read of twenty fails",
    ),
    Case(
        "KeysStale",
        {"actionlog_producer_write_keys_stale": "0x10", "actionlog_query_keys_stale": "1x10"},
        {"actionlog_producer_write_keys_stale": "0x10", "actionlog_query_keys_stale": "0x10"},
        5,
        "A file of keys cannot be used: the last good keys stay valid",
    ),
]


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prometheus.tools(tmp_path_factory.mktemp("tools")) / "promtool"


def run(promtool: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *words], capture_output=True, text=True, timeout=_PROMTOOL_S, check=False)


def written(case: Case, minute_of_rest: int, folder: Path) -> Path:
    """The case in promtool's language: two stories, and what is expected of them."""
    [rule] = [rule for rule in alerts() if rule["alert"] == case.alert]
    annotations = {**rule["annotations"], "summary": case.summary}
    ringing = {"exp_labels": {**rule["labels"], **case.labels}, "exp_annotations": annotations}

    def story(series: dict[str, str], expected: dict[int, list[Any]]) -> dict[str, Any]:
        asked = [
            {"eval_time": f"{minute}m", "alertname": case.alert, "exp_alerts": alerts_then}
            for minute, alerts_then in expected.items()
        ]
        values = [{"series": name, "values": value} for name, value in series.items()]
        return {"interval": "1m", "input_series": values, "alert_rule_test": asked}

    rules = str(OBSERVABILITY / "alerts.yml")
    stories = [
        story(case.rings, {case.minute - 1: [], case.minute: [ringing]}),
        story(case.quiet, {minute_of_rest: []}),
    ]
    file = folder / "alerts.test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [rules], "evaluation_interval": "1m", "tests": stories}))
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_rings_when_it_should_and_only_then(promtool: Path, case: Case, tmp_path: Path) -> None:
    done = run(promtool, "test", "rules", written(case, case.minute + 4, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_case() -> None:
    assert {case.alert for case in CASES} == {rule["alert"] for rule in alerts()}


def test_a_rule_that_does_not_ring_would_be_seen(promtool: Path, tmp_path: Path) -> None:
    [case] = [case for case in CASES if case.alert == "KeysStale"]
    silent = Case(case.alert, case.quiet, case.quiet, case.minute, case.summary)
    done = run(promtool, "test", "rules", written(silent, case.minute, tmp_path))
    assert done.returncode == 1
    assert "FAILED" in done.stdout + done.stderr


def test_prometheus_takes_the_configuration_and_the_rules(promtool: Path) -> None:
    done = run(promtool, "check", "config", OBSERVABILITY / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(alerts())} rules found" in done.stdout

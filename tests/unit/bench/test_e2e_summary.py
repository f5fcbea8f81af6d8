"""The end-to-end benchmark's figures: medians of runs, beside their goals, and the final count."""

import io
from dataclasses import replace

from rich.console import Console

from bench.e2e_summary import Findings, StackSurroundings, result, show
from bench.freshness import FreshnessRun
from bench.report import Paper
from bench.throughput import ThroughputRun

CPU = dict.fromkeys(("producer_api", "kafka", "consumer", "clickhouse", "query_api", "generator"), 2.5)
AROUND = StackSurroundings(
    machine={
        "cores": 2,
        "cpu": "A CPU",
        "memory_gib": 8,
        "system": "Linux 6",
        "python": "3.12.1",
        "data_filesystem": "ext4",
    },
    kafka="4.3.1",
    clickhouse="26.7",
    commit="abc1234",
    date="2026-01-02T03:04Z",
    changed_settings={"CONSUMER_FLUSH_AFTER_MS": "200"},
    load_average=0.1,
    calibration_ms=(10.0, 11.0),
)


def _run(visible_ms: float) -> FreshnessRun:
    return FreshnessRun([4.0, 6.0], [visible_ms], [11.0], 0, 0, 1.0, 20, CPU, others_percent=3.0)


def _findings() -> Findings:
    loaded = ThroughputRun(40_000, 0, 40_000, sending_s=2.0, storing_s=4.0, cpu_us_per_action=CPU, others_percent=4.0)
    return Findings(AROUND, _run(0.0), [_run(300.0), _run(900.0), _run(310.0)], loaded, accepted=40_080, stored=40_080)


def _shown(findings: Findings) -> str:
    output = io.StringIO()
    show(findings, Paper(Console(file=output, width=100)))
    return output.getvalue()


def test_a_latency_is_the_median_of_the_runs_with_their_spread() -> None:
    outcome = result(_findings())
    assert outcome["visible_p50_ms"] == 310.0
    assert outcome["spread_ms"]["visible_p50_ms"] == [300.0, 900.0]
    assert (outcome["ack_p50_ms"], outcome["ack_p99_ms"]) == (4.0, 6.0)


def test_rates_count_to_the_last_accepted_and_to_the_last_stored_action() -> None:
    outcome = result(_findings())
    assert (outcome["accepted_per_s"], outcome["stored_per_s"]) == (20_000, 10_000)


def test_the_table_names_goals_machine_commit_and_changed_settings() -> None:
    shown = _shown(_findings())
    for words in ("≤ 500", "≤ 1,500", "2 (A CPU)", "abc1234", "CONSUMER_FLUSH_AFTER_MS=200", "as many as were"):
        assert words in shown


def test_a_wrong_count_is_said_aloud() -> None:
    findings = replace(_findings(), stored=40_081)
    assert not findings.counts_agree
    assert "40,081 rows are stored (counted without FINAL), BUT 40,080 were accepted." in _shown(findings)


def test_without_throughput_its_figures_are_null() -> None:
    outcome = result(replace(_findings(), loaded=None))
    assert outcome["stored_per_s"] is None
    assert "Throughput" not in _shown(replace(_findings(), loaded=None))

"""The ingest benchmark's figures are what they say."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench import ingest_kafka
from bench.ingest_kafka import BareRun
from bench.ingest_load import LoadError, LoadRun, read_wrk
from bench.ingest_rounds import Measured, Round
from bench.ingest_soak import Soak
from bench.ingest_summary import Findings, IngestSurroundings, result, show
from bench.report import Paper
from contract.record import decode


def measured(per_s: int, others_percent: float = 1.0) -> Measured:
    return Measured(LoadRun(per_s * 2, 2.0, 5.0, 20.0), 0.5, 0.2, 0.1, others_percent)


def one(actions: int, route: int, null: int, **changes: Any) -> Round:
    bare = {"appended": BareRun(800_000, 2.0, 1.0), "prebuilt": BareRun(1_600_000, 2.0, 1.0)}
    return Round(actions, measured(route, **changes), measured(null), bare if actions == 100 else {})


def findings() -> Findings:
    surroundings = IngestSurroundings(
        machine={"cores": 2, "cpu": "a", "memory_gib": 1, "data_filesystem": "b", "python": "c", "system": "d"},
        kafka="4.3.1",
        generator="wrk",
        commit="abc",
        date="today",
        changed_settings={"PRODUCER_COMPRESSION": "none"},
        load_average=0.5,
        calibration_ms=(6.0, 6.1),
    )
    rounds = [one(3, 12_000, 10_000), one(3, 13_000, 10_000), one(3, 11_000, 10_000, others_percent=50.0)]
    soak = Soak(LoadRun(100, 10.0, 1.0, 2.0), [50.0] * 10 + [51.0] * 80 + [53.0] * 10)
    return Findings(surroundings, [*rounds, one(100, 2_000, 9_000)], soak, 1_000, 1_010)


def test_the_result_holds_the_medians_of_the_ratios_taken_round_by_round() -> None:
    outcome = result(findings())
    assert outcome["ratio_null_3"] == 1.2
    assert outcome["spread"]["ratio_null_3"] == [1.1, 1.3]
    assert outcome["ratio_kafka_100"] == 0.5
    assert outcome["ratio_kafka_prebuilt_100"] == 0.25
    assert outcome["cpu_us_per_action_100"] == 1.25
    assert outcome["rss_growth_mb"] == 3.0
    assert outcome["disturbed_rounds"] == 1


def test_the_tables_show_the_goals_and_what_the_figures_depend_on() -> None:
    text = io.StringIO()
    show(findings(), Paper(Console(file=text, width=120)))
    for part in ("≥ 1.2", "≥ 0.45", "1.10-1.30", "PRODUCER_COMPRESSION=none", "+3.0 MiB", "1 of 4 rounds"):
        assert part in text.getvalue()


def test_wrks_figures_are_read_and_refused_requests_are_an_error() -> None:
    line = b'\nLOAD {"requests": 10, "seconds": 2.0, "p50_ms": 1.0, "p99_ms": 3.0, "refused": %d, "broken": 0}\n'
    assert read_wrk(b"Running\n" + line % 0, 0.5) == LoadRun(10, 2.0, 1.0, 3.0, 0.5)
    for output in (line % 1, b"unable to connect"):
        with pytest.raises(LoadError):
            read_wrk(output, 0.5)


def test_bare_kafka_sends_records_that_the_sink_can_read() -> None:
    records = ingest_kafka.records(3)
    assert [decode(value).user_id.encode() for _, value in records] == [key for key, _ in records]


def test_wrks_script_lies_beside_the_benchmark() -> None:
    assert (Path(ingest_kafka.__file__).parent / "ingest_wrk.lua").exists()

"""The benchmarks work: a quick run of each, without a look at its figures."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.report import read_result

_CHECKOUT = Path(__file__).resolve().parents[2]
_E2E_KEYS = {"visible_p50_ms", "visible_p99_ms", "ack_p50_ms", "ack_p99_ms", "accepted_per_s", "stored_per_s"}
_INGEST_KEYS = {"ratio_null_3", "ratio_kafka_100", "cpu_us_per_action_100", "p99_ms_3"}
_PATIENT = {"LOCAL_START_TIMEOUT_S": "150"}  # of one process, on a busy machine

pytestmark = pytest.mark.timeout(600)


def _result(module: str, *options: str) -> dict[str, Any]:
    words = [sys.executable, "-m", module, "--quick", *options]
    environment = {**os.environ, **_PATIENT}
    done = subprocess.run(words, cwd=_CHECKOUT, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_result(done.stdout)


def test_the_quick_benchmark_stores_exactly_what_was_accepted_and_ends_with_a_result() -> None:
    result = _result("bench.e2e")
    assert result["stored"] == result["accepted"] > 0
    assert all(result[key] > 0 for key in _E2E_KEYS)


def test_the_quick_ingest_benchmark_misses_no_accepted_action_and_ends_with_a_result() -> None:
    result = _result("bench.ingest", "--python")  # wrk may not be there
    assert result["stored"] >= result["accepted"] > 0
    assert all(result[key] > 0 for key in _INGEST_KEYS)

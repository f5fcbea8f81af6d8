"""`make bench-e2e` works: a quick run of it, without a look at its figures."""

import subprocess
import sys
from pathlib import Path

from bench.report import read_result

_CHECKOUT = Path(__file__).resolve().parents[2]
_KEYS = {"visible_p50_ms", "visible_p99_ms", "ack_p50_ms", "ack_p99_ms", "accepted_per_s", "stored_per_s"}


def test_the_quick_benchmark_stores_exactly_what_was_accepted_and_ends_with_a_result() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.e2e", "--quick"], cwd=_CHECKOUT, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = read_result(done.stdout)
    assert result["stored"] == result["accepted"] > 0
    assert all(result[key] > 0 for key in _KEYS)

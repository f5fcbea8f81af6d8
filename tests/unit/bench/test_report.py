"""A benchmark ends with a result that can be read back, and its history only grows."""

import json
from pathlib import Path

import pytest

from bench import report

RESULT = {"benchmark": "e2e", "visible_p50_ms": 312.5, "machine": {"cores": 2}}


def test_the_last_line_of_the_output_is_the_result() -> None:
    output = f"Some table\nRESULT of nothing\n{report.result_line(RESULT)}\n"
    assert report.read_result(output) == RESULT


def test_output_without_a_result_is_refused() -> None:
    with pytest.raises(ValueError, match="not with a RESULT"):
        report.read_result("Some table\nThe benchmark failed: no\n")


def test_each_run_adds_one_line_to_the_history(tmp_path: Path) -> None:
    for commit in ("abc", "def"):
        report.add_to_history("e2e", {**RESULT, "commit": commit}, tmp_path / "results")
    lines = (tmp_path / "results" / "e2e.jsonl").read_text().splitlines()
    assert [json.loads(line)["commit"] for line in lines] == ["abc", "def"]


def test_the_kept_history_is_readable() -> None:
    for history in report.RESULTS.glob("*.jsonl"):
        for line in history.read_text().splitlines():
            assert json.loads(line)["benchmark"] == history.stem

"""`python -m deploy.local infra` and the real engine's crash."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra import Infra
from tests.integration.local.local_stack import LocalStack, are_gone, crash_engine, read_json
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)


def _infra(stack: LocalStack, state: Path) -> Infra:
    """The running pair's addresses and users."""
    wait_until(lambda: state.exists() or stack.process.poll() is not None, 180, "the state file")
    return Infra.read(state)


def test_a_crashed_engine_is_back_at_once_with_its_data(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with LocalStack(tmp_path, "infra", "--state", str(state)) as stack:
        infra = _infra(stack, state)
        infra.query("CREATE DATABASE actionlog_x")
        infra.query("CREATE TABLE actionlog_x.t (a Int32) ENGINE = MergeTree ORDER BY a")
        infra.query("INSERT INTO actionlog_x.t SELECT number FROM numbers(1000)", "writer")
        before = infra.pid("clickhouse")
        crash_engine(read_json(state)["processes"]["clickhouse"]["port"])
        wait_until(lambda: infra.pid("clickhouse") != before, 90, "the engine was started again and answers")
        assert infra.query("SELECT count() FROM actionlog_x.t", "reader") == "1000"
        stack.wait_for("clickhouse is ready again")
        assert "clickhouse died (signal SIGABRT)" in stack.output
        children = stack.children()
        stack.process.send_signal(signal.SIGTERM)
        assert stack.process.wait(120) == 0
        assert "clickhouse stopped" in stack.output
        assert are_gone(children)


def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with LocalStack(tmp_path, "infra", "--state", str(state)) as stack:
        _infra(stack, state)
        children = stack.children()
        assert len(children) == 2
        stack.process.kill()
        stack.process.wait()
        assert are_gone(children)


def test_it_ends_and_removes_its_data_when_the_process_it_is_tied_to_is_gone(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as master:
        words = ["infra", "--state", str(state), "--data", str(tmp_path / "data"), "--remove"]
        with LocalStack(tmp_path, *words, "--until-pid", str(master.pid)) as stack:
            _infra(stack, state)
            master.kill()
            master.wait()
            assert stack.process.wait(120) == 0
            assert not stack.data.exists()

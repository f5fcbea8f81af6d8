"""`make run` as a person uses it."""

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from deploy.local.banner import get_command, post_command
from deploy.local.settings import LocalSettings
from tests.integration.local.local_stack import LocalStack, are_gone, read_json
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

_PROCESSES = {"kafka", "clickhouse", "producer_api", "consumer", "query_api"}


def test_everything_starts_serves_the_printed_requests_survives_a_death_and_stops(tmp_path: Path) -> None:
    with LocalStack(tmp_path, "run") as stack:
        stack.wait_for("Actionlog is ready")
        _the_printed_requests_work(stack)
        _a_second_start_and_a_clean_are_refused(stack)
        _a_killed_service_comes_back(stack)
        children = stack.children()
        stack.process.send_signal(signal.SIGINT)
        assert stack.process.wait(180) == 0
        assert are_gone(children)
        assert not (stack.data / "run" / "stack.json").exists()
        assert stack.command("status").returncode == 1
        assert stack.command("clean").returncode == 0
        assert not stack.data.exists()


def test_a_busy_port_is_reported_before_anything_starts(tmp_path: Path) -> None:
    with LocalStack(tmp_path, "infra") as first:
        first.wait_for("kafka_bootstrap")
        second = LocalStack(tmp_path / "second", "run", LOCAL_KAFKA_PORT=first.environment["LOCAL_KAFKA_PORT"])
        answer = second.command("run")
        assert answer.returncode == 1
        assert f"Kafka: port {first.environment['LOCAL_KAFKA_PORT']} is taken by java" in answer.stdout
        assert "LOCAL_KAFKA_PORT" in answer.stdout
        assert not (second.data / "logs").exists()


def _the_printed_requests_work(stack: LocalStack) -> None:
    settings = LocalSettings(
        producer_port=int(stack.environment["LOCAL_PRODUCER_PORT"]),
        query_port=int(stack.environment["LOCAL_QUERY_PORT"]),
    )
    stack.wait_for(post_command(settings))
    stack.wait_for(get_command(settings))
    assert '"accepted":3' in _shell(post_command(settings)).replace(" ", "")
    wait_until(lambda: '"locationX"' in _shell(get_command(settings)), 60, "the click can be read")


def _a_second_start_and_a_clean_are_refused(stack: LocalStack) -> None:
    for command in ("run", "clean"):
        answer = stack.command(command)
        assert answer.returncode == 1
        assert f"pid {stack.process.pid}" in answer.stdout


def _a_killed_service_comes_back(stack: LocalStack) -> None:
    state = stack.data / "run" / "stack.json"
    before = read_json(state)
    assert set(before) == _PROCESSES
    psutil.Process(before["query_api"]["pid"]).kill()
    stack.wait_for("query_api is ready again")
    assert "query_api died (signal SIGKILL)" in stack.output
    assert read_json(state)["query_api"]["pid"] != before["query_api"]["pid"]
    wait_until(lambda: stack.command("status").returncode == 0, 60, "everything answers")


def _shell(command: str) -> str:
    return subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False).stdout  # noqa: S602 - as a person pastes it

"""`make run BROKERS=3` as a person uses it."""

import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from contract.topics import DEFAULT_TOPIC
from deploy.local import brokers
from deploy.local.settings import LocalSettings
from tests.integration.local.local_stack import LocalStack, read_json
from tests.namespace import in_a_loop_of_its_own
from tests.waiting import wait_until

_START_S = 200.0
_BROKERS = {"kafka-1", "kafka-2", "kafka-3"}


@pytest.mark.timeout(600)
def test_three_brokers_start_keep_three_copies_are_kept_running_and_own_their_folder(tmp_path: Path) -> None:
    with LocalStack(tmp_path, "run", "--brokers", "3", LOCAL_START_TIMEOUT_S=str(_START_S)) as stack:
        stack.wait_for("Actionlog is ready", _START_S)
        bootstrap = _bootstrap(stack)
        stack.wait_for(bootstrap)
        wait_until(lambda: _is_spread(bootstrap), 60, "every broker knows the topic, its copies and its leaders")
        _a_killed_broker_comes_back(stack)
        stack.process.send_signal(signal.SIGINT)
        assert stack.process.wait(180) == 0
    refused = stack.command("run")
    assert refused.returncode == 1
    assert "holds the topics of 3 brokers" in refused.stdout
    assert not list(stack.data.glob("kafka/*"))
    assert stack.command("clean").returncode == 0
    assert not stack.data.exists()


def _a_killed_broker_comes_back(stack: LocalStack) -> None:
    state = stack.data / "run" / "stack.json"
    before = read_json(state)
    assert before.keys() >= _BROKERS
    psutil.Process(before["kafka-2"]["pid"]).kill()
    stack.wait_for("kafka-2 is ready again", _START_S)
    after = read_json(state)
    assert {name for name in _BROKERS if after[name]["pid"] != before[name]["pid"]} == {"kafka-2"}


def _bootstrap(stack: LocalStack) -> str:
    ports = {name: int(stack.environment[f"LOCAL_{name.upper()}"]) for name in ("kafka_port", "kafka_controller_port")}
    return brokers.bootstrap(brokers.nodes(LocalSettings.model_validate({"brokers": 3, **ports})))


def _is_spread(bootstrap: str) -> bool:
    partitions = in_a_loop_of_its_own(_described(bootstrap))
    has_copies = {(len(each["replicas"]), each["leader"] > 0) for each in partitions} == {(3, True)}
    return has_copies and {each["leader"] for each in partitions} == {1, 2, 3}


async def _described(bootstrap: str) -> list[dict[str, Any]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        [found] = await admin.describe_topics([DEFAULT_TOPIC])
    finally:
        await admin.close()
    partitions: list[dict[str, Any]] = found["partitions"]
    return partitions

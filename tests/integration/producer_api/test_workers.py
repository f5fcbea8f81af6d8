"""Several processes on one port: all serve, one that dies is replaced, all drain, and their metrics are one."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import psutil
import pytest

from contract.record import decode
from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.posting import body, clients
from tests.integration.producer_api.topic import records_on
from tests.namespace import Namespace
from tests.services import Service
from tests.waiting import wait_until, wait_until_async

WORKERS = 2


@pytest.fixture
def workers(empty_namespace: Namespace, topic: str, start_producer: StartProducer) -> Service:
    """The service with two workers, each of which is ready."""
    service = start_producer(empty_namespace.infra.kafka_bootstrap, topic, {"WORKERS": str(WORKERS)})
    wait_until(lambda: connected(service) == WORKERS, 60, "both workers are connected to Kafka")
    return service


def connected(service: Service) -> int:
    return service.log.count("connected to Kafka")


def children(service: Service) -> set[int]:
    return {child.pid for child in psutil.Process(service.pid).children()}


def living(pids: set[int]) -> list[int]:
    return [pid for pid in pids if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def metric(service: Service, name: str) -> float:
    """One value from /metrics, asked over a connection of its own: any worker may answer."""
    text = httpx.get(f"{service.url}/metrics").text
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def post(service: Service, user_id: str = "user") -> int:
    return httpx.post(f"{service.url}/log", json=body(user_id=user_id), timeout=20).status_code


def test_whichever_worker_is_asked_the_metrics_are_those_of_all(workers: Service) -> None:
    for number in range(20):
        assert post(workers, f"user-{number}") == 200
    answers = {metric(workers, "actionlog_producer_accepted_actions_total") for _ in range(20)}
    assert answers == {20.0}
    assert metric(workers, "actionlog_producer_inflight_bytes") == 0


async def test_a_worker_that_dies_is_replaced_and_what_it_counted_stays_counted(workers: Service) -> None:
    assert all([await asyncio.to_thread(post, workers, f"user-{number}") == 200 for number in range(10)])
    victim = children(workers).pop()
    os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        return len(children(workers)) == WORKERS and victim not in children(workers) and connected(workers) == 3

    await asyncio.to_thread(wait_until, replaced, 60, "a new worker is connected to Kafka")
    assert await asyncio.to_thread(post, workers) == 200
    assert await asyncio.to_thread(metric, workers, "actionlog_producer_accepted_actions_total") == 11
    assert await asyncio.to_thread(workers.terminate) == 0


async def test_sigterm_lets_all_workers_drain_and_loses_nothing_acknowledged(
    workers: Service, empty_namespace: Namespace, topic: str
) -> None:
    async with clients(workers.url, 16) as running:

        async def under_load() -> bool:
            return len(running.acknowledged) > 200

        await wait_until_async(under_load, 60, "200 actions are acknowledged")
        pids = children(workers)
        code = await asyncio.to_thread(workers.terminate)

    stored = [
        decode(record.value).event_id for record in await records_on(empty_namespace.infra.kafka_bootstrap, topic)
    ]
    assert (code, living(pids)) == (0, [])
    assert set(running.statuses) == {200}
    assert running.acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    assert not running.unanswered & set(stored)


def test_workers_do_not_outlive_their_parent(workers: Service) -> None:
    pids = children(workers)
    workers.kill()
    wait_until(lambda: not living(pids), 60, "the workers have drained and ended")


def test_workers_that_cannot_live_end_the_service(start_producer: StartProducer, tmp_path: object) -> None:
    """The file of keys is missing: each worker says so and ends."""
    settings = {"WORKERS": "2", "WRITE_KEYS_FILE": f"{tmp_path}/missing.json", "WORKER_PAUSE_MS": "1"}
    service = start_producer("127.0.0.1:1", "any", settings | {"WORKER_MAX_DEATHS": "1"}, wait=False)
    assert service.wait(60) == 1
    assert "missing.json" in service.log
    assert "too many workers died" in service.log


def test_a_port_in_use_is_named_before_any_worker_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "producer_api", "--workers", "2"],
            env={**os.environ, "PRODUCER_PORT": port},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "worker died" not in ended.stdout

"""A Kafka and a ClickHouse of a test module's own, to be killed: their supervisor starts them again each time."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil

from deploy.local.ports import HOST
from tests.infra import Infra
from tests.infra import brokers as tests_brokers
from tests.waiting import wait_until

# "kafka" of several brokers: all of them when it is asked whether they run, the first when one is killed.
Server = Literal["kafka", "kafka-1", "kafka-2", "kafka-3", "clickhouse"]

_CHECKOUT = Path(__file__).resolve().parents[2]
_START_S = 220.0
_RESTART_S = 90.0
_STOP_S = 40.0
# Killed as often as a test likes; a small heap, since several pairs run side by side.
# Three brokers start side by side, each slowed down by the others on a machine that is busy already.
_SETTINGS = {
    "LOCAL_MAX_DEATHS": "100000",
    "LOCAL_KAFKA_HEAP_MB": "320",
    "LOCAL_CLICKHOUSE_MEMORY_MB": "2048",
    "LOCAL_START_TIMEOUT_S": "200",
}


@contextlib.contextmanager
def running(folder: Path, brokers: int | None = None) -> Iterator[Infra]:
    """Start a pair with its data in ``folder``; it ends with this context, or with this process.

    ``brokers``: as many as the whole run's Kafka has, by default.
    """
    state_file, log = folder / "infra.json", folder / "infra.log"
    words = ["infra", "--data", str(folder / "data"), "--free-ports", "--remove"]
    words += ["--until-pid", str(os.getpid()), "--state", str(state_file)]
    words += ["--brokers", str(brokers or tests_brokers())]
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", *words],
            cwd=_CHECKOUT,
            env={**os.environ, **_SETTINGS},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: state_file.exists() or supervisor.poll() is not None, _START_S, "Kafka and ClickHouse")
        if not state_file.exists():
            raise RuntimeError(f"Kafka and ClickHouse did not start:\n{log.read_text()}")
        infra = Infra.read(state_file)
        wait_until(lambda: is_up(infra, "clickhouse") and is_up(infra, "kafka"), _RESTART_S, "both answer")
        yield infra
    finally:
        supervisor.terminate()
        try:
            supervisor.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()


def kill(infra: Infra, server: Server) -> int:
    """SIGKILL to a server that runs: its pid. The supervisor starts it again at once."""
    pid = infra.pid(server)
    os.kill(pid, signal.SIGKILL)
    return pid


def ask_to_stop(infra: Infra, server: Server) -> int:
    """SIGTERM to a server that runs: its pid. A broker first hands over what it leads; then it is started again."""
    pid = infra.pid(server)
    os.kill(pid, signal.SIGTERM)
    return pid


def wait_restarted(infra: Infra, server: Server, killed_pid: int) -> None:
    """Until a successor of the killed process is ready."""
    wait_until(lambda: infra.pid(server) != killed_pid and is_up(infra, server), _RESTART_S, f"{server} is there again")


def is_up(infra: Infra, server: Server) -> bool:
    """Whether its process runs and answers: ClickHouse a query, Kafka a connection."""
    if server == "kafka":
        return all(_is_running(infra, name) and _listens(infra.port(name)) for name in infra.kafka_names)
    if not _is_running(infra, server):
        return False
    if server != "clickhouse":
        return _listens(infra.port(server))
    try:
        return infra.query("SELECT 1") == "1"
    except (OSError, RuntimeError):
        return False


def _is_running(infra: Infra, name: str) -> bool:
    return psutil.pid_exists(infra.pid(name))


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=2):
            return True
    except OSError:
        return False

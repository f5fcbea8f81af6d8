"""A real Kafka and a real ClickHouse, one pair for a whole test run however many workers it has.

ACTIONLOG_TEST_BROKERS=3 runs the same tests on a Kafka of three brokers, with three copies of each record.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.local.passwords import User

_RUN_DIR = "ACTIONLOG_TEST_RUN_DIR"
_CONTROLLER = "ACTIONLOG_TEST_CONTROLLER_PID"
_BROKERS = "ACTIONLOG_TEST_BROKERS"  # 3: the tests' Kafka is a cluster, each record has three copies; default 1
_START_S = 220.0
_STOP_S = 120.0  # it gives Kafka and ClickHouse 15 s each before it kills them
_HTTP_S = 30.0
_CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Infra:
    """Addresses and users of the running pair. The users' rights: deploy/clickhouse/users.d/actionlog.xml."""

    kafka_bootstrap: str
    clickhouse_url: str
    admin: User
    writer: User
    reader: User
    eraser: User
    state_file: Path

    @classmethod
    def read(cls, state_file: Path) -> "Infra":
        """From the file that ``deploy.local infra --state`` writes."""
        state = _read(state_file)
        users = {role: User(entry["user"], entry["password"]) for role, entry in state["users"].items()}
        return cls(state["kafka_bootstrap"], state["clickhouse_url"], state_file=state_file, **users)

    @property
    def users(self) -> dict[str, User]:
        return {"admin": self.admin, "writer": self.writer, "reader": self.reader, "eraser": self.eraser}

    @property
    def kafka_names(self) -> list[str]:
        """The brokers' processes: ``kafka``, or ``kafka-1`` and so on, where the number is the node's id."""
        return sorted(name for name in self._processes() if name.startswith("kafka"))

    def pid(self, name: str) -> int:
        """The current pid of a process, another one after a restart. ``kafka`` of several brokers: the first's."""
        return int(self._process(name)["pid"])

    def port(self, name: str) -> int:
        return int(self._process(name)["port"])

    def _process(self, name: str) -> dict[str, Any]:
        processes = self._processes()
        found: dict[str, Any] = processes.get(name) or processes[f"{name}-1"]
        return found

    def _processes(self) -> dict[str, Any]:
        processes: dict[str, Any] = _read(self.state_file)["processes"]
        return processes

    def query(self, sql: str, role: str = "admin") -> str:
        """One statement over HTTP: the answer's text without the last newline. Raises RuntimeError with the error."""
        user = self.users[role]
        headers = {"X-ClickHouse-User": user.name, "X-ClickHouse-Key": user.password}
        request = urllib.request.Request(self.clickhouse_url + "/", data=sql.encode(), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:
                return str(answer.read().decode()).removesuffix("\n")
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(error.read().decode()) from None


def brokers() -> int:
    """How many brokers the tests' Kafka has."""
    return int(os.environ.get(_BROKERS, "1"))


def need_one_broker(why: str) -> None:
    """Skip what makes no sense on several brokers."""
    if brokers() > 1:
        pytest.skip(f"{_BROKERS}={brokers()}: {why}")


def announce_run() -> None:
    """In the controller, before its workers start: name the folder of this run. Nothing is made or started."""
    os.environ[_CONTROLLER] = str(os.getpid())
    os.environ[_RUN_DIR] = str(Path(tempfile.gettempdir()) / f"actionlog-tests-{os.getpid()}")


def start_or_join() -> Infra:
    """Start the pair if this is the first to ask, else wait for it. Raises RuntimeError with the log when it fails."""
    run_dir = Path(os.environ[_RUN_DIR])
    run_dir.mkdir(mode=0o700, exist_ok=True)
    with (run_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state_file = run_dir / "infra.json"
        if not state_file.exists():
            _start(run_dir, state_file)
    return Infra.read(state_file)


def stop() -> None:
    """In the controller, at the end: stop the pair, if any, and remove the folder of the run."""
    run_dir = Path(os.environ[_RUN_DIR])
    state_file = run_dir / "infra.json"
    if state_file.exists():
        try:
            supervisor = psutil.Process(_read(state_file)["pid"])
            supervisor.send_signal(signal.SIGTERM)
            supervisor.wait(_STOP_S)
        except psutil.NoSuchProcess:
            pass
    shutil.rmtree(run_dir, ignore_errors=True)


def _start(run_dir: Path, state_file: Path) -> None:
    """Detached, and tied to the controller's life: it ends by itself when the test run is killed."""
    words = ["infra", "--data", str(run_dir / "data"), "--free-ports", "--remove"]
    words += ["--until-pid", os.environ[_CONTROLLER], "--state", str(state_file), "--brokers", str(brokers())]
    log = run_dir / "infra.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", *words],
            cwd=_CHECKOUT,
            env={**os.environ, "LOCAL_START_TIMEOUT_S": str(_START_S)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_S
    while not state_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Kafka and ClickHouse did not start:\n{log.read_text()}")
        time.sleep(0.05)
    process.returncode = 0  # left running on purpose: no ResourceWarning about a child that nobody waited for


def _read(state_file: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(state_file.read_text())
    return state

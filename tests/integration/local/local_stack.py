"""`python -m deploy.local …` as a child process of a test, on free ports and in a folder of the test's own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from deploy.local.brokers import PORTS_APART
from tests.ports import free_ports
from tests.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[3]
_START_S = 180.0  # of the whole stack; 15 s on two calm cores
_STOP_S = 150.0
_MOST_BROKERS = 3
_PORTS = ("PRODUCER", "QUERY", "CONSUMER", "CLICKHOUSE", "KAFKA", "KAFKA_CONTROLLER")


class LocalStack:
    """One supervisor, ended with its children when the ``with`` block is left."""

    def __init__(self, folder: Path, *words: str, **settings: str) -> None:
        self.data = folder / "data"
        self._log = folder / "supervisor.log"
        self._words = words
        free = free_ports(len(_PORTS), rows=_MOST_BROKERS, apart=PORTS_APART)
        ports = {f"LOCAL_{name}_PORT": str(port) for name, port in zip(_PORTS, free, strict=True)}
        patient = {"LOCAL_START_TIMEOUT_S": "150", "LOCAL_STOP_TIMEOUT_S": "45"}  # on a busy machine
        ours: Mapping[str, str] = {**ports, **patient, "LOCAL_DATA_DIR": str(self.data), **settings}
        self.environment = {**os.environ, **ours}

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv(*self._words), cwd=CHECKOUT, env=self.environment, stdout=log, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(_STOP_S)

    @staticmethod
    def argv(*words: str) -> list[str]:
        return [sys.executable, "-m", "deploy.local", *words]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same folder and ports."""
        return subprocess.run(
            self.argv(*words),
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str, deadline_s: float = _START_S) -> None:
        """Wait until the supervisor has said it. Fails with all it said when it ended before."""

        def said() -> bool:
            if text in self.output:
                return True
            assert self.process.poll() is None, self.output
            return False

        wait_until(said, deadline_s, f"{text!r} in the output:\n{self.output}")

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def are_gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether they end: what a process started may end a moment after it."""
    _, alive = psutil.wait_procs(processes, timeout=_STOP_S)
    return not alive


def read_json(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(path.read_text())
    return state


def crash_engine(port: int) -> None:
    """What a careless client can do: a request head that is none, and the connection closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")

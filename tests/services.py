"""One of our services as a real process, as a user starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import httpx

from tests.waiting import wait_until

_CHECKOUT = Path(__file__).resolve().parents[1]
_READY_S = 90.0
_STOP_S = 60.0


class Service:
    """``python -m <module>`` with an environment, its output in a file. ``port`` and ``url`` are where it listens."""

    def __init__(self, module: str, port: int, environment: Mapping[str, str], log: Path) -> None:
        self.module = module
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._environment = environment
        self._log = log
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self, *, wait: bool = True) -> "Service":
        """Start it (again); by default wait until it is ready."""
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=_CHECKOUT,
            env={**os.environ, **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
        )
        if wait:
            self.wait_ready()
        return self

    def is_ready(self) -> bool:
        """Whether ``/readyz`` answers 200. Fails with the log when the process has ended."""
        if self._running().poll() is not None:
            raise AssertionError(f"{self.module} ended with {self._running().returncode}:\n{self.log[-8000:]}")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def wait_ready(self, deadline_s: float = _READY_S) -> None:
        try:
            wait_until(self.is_ready, deadline_s, f"{self.module} ready")
        except AssertionError as error:
            error.add_note(self.log[-8000:])
            raise

    def terminate(self, deadline_s: float = _STOP_S) -> int:
        """SIGTERM, then wait: the exit code. Fails when it has not ended within the deadline."""
        self._running().terminate()
        return self.wait(deadline_s)

    def wait(self, deadline_s: float = _STOP_S) -> int:
        try:
            code = self._running().wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.module} did not end in {deadline_s} s:\n{self.log[-8000:]}") from None
        self._close_output()
        return code

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._running().kill()
        self._running().wait()
        self._close_output()

    def pause(self) -> None:
        """SIGSTOP: it stands still, as in a long pause of the machine."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it in any case; for fixtures."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._close_output()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.module} was not started")
        return self._process

    def _close_output(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None

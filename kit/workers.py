"""Several processes of one service on one port: started, started again when they die, stopped together.

The parent opens the port and hands the listening socket to every worker: a connection that waits to be accepted
survives the death of any of them, and none is refused while a worker starts. Each worker's standard input is a pipe
from the parent. Its end asks the worker to drain: the parent closes it to stop, and so does the parent's own death.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Sequence

import structlog
from prometheus_client import multiprocess
from pydantic import Field

from kit.health import METRICS_FOLDER
from kit.server import on_stop_signal
from kit.settings import ServiceSettings

_BACKLOG = 2_048
# What ending takes beyond draining: closing connections, the interpreter's own end.
_END_MARGIN_S = 3.0

_log = structlog.get_logger(__name__)


class WorkerSettings(ServiceSettings):
    """The settings of a service that several processes may serve."""

    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="processes that share the port; more pay only with more cores. Rate limits, bytes in flight and "
        "connections to Kafka count for each of them",
    )
    worker_pause_ms: int = Field(200, ge=0, description="milliseconds before a worker that died is started again")
    worker_max_deaths: int = Field(
        5,
        ge=0,
        description="deaths of workers within worker_death_window_s that are answered so; one more ends all",
    )
    worker_death_window_s: float = Field(60.0, gt=0, description="seconds over which the deaths of workers are counted")


class PortTakenError(Exception):
    """The port cannot be listened on; the message names it."""


def listen(host: str, port: int) -> socket.socket:
    """The listening socket that the workers share; raises PortTakenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise PortTakenError(f"cannot listen on {host}:{port}: {error.strerror}") from None


class Workers:
    """The parent's side. ``command`` starts one worker; it gets ``--listen-fd`` and ``--worker`` added."""

    def __init__(self, command: Sequence[str], listening: socket.socket, settings: WorkerSettings) -> None:
        self._command = command
        self._listening = listening
        self._settings = settings
        self._processes: dict[int, Process] = {}
        self._deaths: deque[float] = deque(maxlen=settings.worker_max_deaths + 1)
        self._stopping = asyncio.Event()
        self._failed = False

    async def run(self) -> int:
        """Keep them running until SIGTERM or SIGINT, then let them drain. The exit code: 0 when all ended well."""
        on_stop_signal(self._stop)
        with tempfile.TemporaryDirectory(prefix="actionlog-metrics-") as metrics_folder:
            numbers = range(self._settings.workers)
            codes = await asyncio.gather(*(self._keep(number, metrics_folder) for number in numbers))
        return 1 if self._failed or any(codes) else 0

    async def _keep(self, number: int, metrics_folder: str) -> int:
        """One worker, started again whenever it dies, until all are to stop; its last exit code."""
        while True:
            process = self._processes[number] = await self._start(number, metrics_folder)
            if self._stopping.is_set():
                _ask_to_drain(process)
            code = await process.wait()
            del self._processes[number]
            _forget_gauges(process.pid, metrics_folder)
            if self._stopping.is_set():
                return code
            self._died(number, process.pid, code)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._settings.worker_pause_ms / 1000)
            if self._stopping.is_set():
                return 0

    async def _start(self, number: int, metrics_folder: str) -> Process:
        listen_fd = self._listening.fileno()
        return await asyncio.create_subprocess_exec(
            *self._command,
            *("--listen-fd", str(listen_fd), "--worker", str(number)),
            stdin=PIPE,
            pass_fds=[listen_fd],
            env={**os.environ, METRICS_FOLDER: metrics_folder},
            start_new_session=True,  # a terminal's Ctrl-C is for the parent, which passes it on
        )

    def _died(self, number: int, pid: int, code: int) -> None:
        _log.error("a worker died: starting another", worker=number, pid=pid, exit_code=code)
        if code == 0:
            return  # somebody asked that one to stop
        now = time.monotonic()
        self._deaths.append(now)
        full = len(self._deaths) == self._deaths.maxlen
        if full and now - self._deaths[0] <= self._settings.worker_death_window_s:
            _log.error("too many workers died: stopping", deaths=len(self._deaths))
            self._failed = True
            self._stop()

    def _stop(self) -> None:
        """First let them drain; asked a second time, hurry them."""
        if self._stopping.is_set():
            for process in self._processes.values():
                _signal(process, signal.SIGTERM)
            return
        self._stopping.set()
        for process in self._processes.values():
            _ask_to_drain(process)
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.drain_timeout_s + _END_MARGIN_S, self._kill)

    def _kill(self) -> None:
        for process in self._processes.values():
            _log.error("a worker did not end in time: killing it", pid=process.pid)
            _signal(process, signal.SIGKILL)


def _ask_to_drain(process: Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    process.stdin.close()


def _forget_gauges(pid: int, metrics_folder: str) -> None:
    """What the dead worker counted stays counted; what it had in flight is no more."""
    multiprocess.mark_process_dead(pid, metrics_folder)  # type: ignore[no-untyped-call]


def _signal(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)


async def run(module: str, settings: WorkerSettings) -> int:
    """Serve ``python -m module`` with ``settings.workers`` processes; the exit code. Raises PortTakenError."""
    with listen(settings.host, settings.port) as listening:
        _log.info("starting workers", workers=settings.workers, port=listening.getsockname()[1])
        return await Workers([sys.executable, "-m", module], listening, settings).run()

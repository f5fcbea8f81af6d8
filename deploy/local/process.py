"""One process of the stack: started, asked until it answers, stopped."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import logfile
from deploy.local.child import tie_to_parent
from deploy.local.errors import ProcessFailedError
from deploy.local.settings import CHECKOUT

_POLL_S = 0.05
_SHOWN_LINES = 20


@dataclass(frozen=True)
class Spec:
    """What to run and how to tell that it is ready.

    ``ends_with_stdin``: it is stopped by closing its standard input instead of by SIGTERM.
    """

    name: str
    argv: Sequence[str]
    log: Path
    port: int
    url: str
    is_ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    ends_with_stdin: bool = False


class Process:
    """A child in a session of its own, so that the terminal's Ctrl-C reaches only the supervisor."""

    def __init__(self, spec: Spec, *, start_timeout_s: float, stop_timeout_s: float, log_max_bytes: int) -> None:
        self.spec = spec
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._log_max_bytes = log_max_bytes
        self._child: asyncio.subprocess.Process | None = None
        self._log_began = 0

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> float:
        """Start it and wait until it is ready. Returns the seconds it took. Raises ProcessFailedError."""
        began = time.monotonic()
        await self._spawn()
        await self._until_ready(began + self._start_timeout_s)
        return time.monotonic() - began

    async def ended(self) -> int:
        """Wait until it has ended: its exit code, or minus the signal's number."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return await self._child.wait()

    async def stop(self, hurry: asyncio.Event) -> bool:
        """End it: politely, then with SIGKILL at the deadline or when hurried. Returns whether it ended by itself."""
        child = self._child
        if child is None or child.returncode is not None:
            return True
        self._ask_to_end(child)
        waits = [asyncio.ensure_future(child.wait()), asyncio.ensure_future(hurry.wait())]
        await asyncio.wait(waits, timeout=self._stop_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if child.returncode is None:
            self.kill()
            await child.wait()
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to it and to whatever it started."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def log_end(self) -> list[str]:
        """The last lines of its latest life."""
        return logfile.tail(self.spec.log, _SHOWN_LINES, self._log_began)

    def bound_log(self) -> None:
        logfile.bound(self.spec.log, self._log_max_bytes)

    async def _spawn(self) -> None:
        self.spec.log.parent.mkdir(parents=True, exist_ok=True)
        self.bound_log()
        self._log_began = logfile.size(self.spec.log)
        with self.spec.log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                cwd=CHECKOUT,
                env={**os.environ, **self.spec.environment},
                stdin=asyncio.subprocess.PIPE if self.spec.ends_with_stdin else asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tie_to_parent(),
            )

    async def _until_ready(self, deadline: float) -> None:
        child = self._child
        while child is not None and not await self.spec.is_ready():
            if child.returncode is not None:
                raise self._failure(f"{self.name} ended while starting ({describe_exit(child.returncode)})")
            if time.monotonic() > deadline:
                self.kill()
                await child.wait()
                raise self._failure(
                    f"{self.name} was not ready after {self._start_timeout_s:.0f} s (LOCAL_START_TIMEOUT_S)"
                )
            await asyncio.sleep(_POLL_S)

    def _ask_to_end(self, child: asyncio.subprocess.Process) -> None:
        if child.stdin is not None:
            child.stdin.close()
        else:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()

    def _failure(self, what: str) -> ProcessFailedError:
        return ProcessFailedError(
            "\n".join([f"{what}. The end of {self.spec.log}:", *(f"  {line}" for line in self.log_end())])
        )


def describe_exit(code: int) -> str:
    """``exit code 3``, or the signal's name: ``signal SIGABRT``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"

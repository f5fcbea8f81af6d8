"""Keeps processes running: starts them, starts again what dies, stops all in order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from deploy.local.errors import ProcessFailedError, TooManyDeathsError
from deploy.local.process import Process, describe_exit

_LOG_CHECK_S = 5.0


class Reporter(Protocol):
    """Tells the person at the terminal what happens to the processes."""

    def ready(self, process: Process, seconds: float) -> None: ...

    def died(self, process: Process, how: str) -> None: ...

    def restarting(self, process: Process) -> None: ...

    def restarted(self, process: Process, seconds: float) -> None: ...

    def stopped(self, process: Process, by_itself: bool) -> None: ...


class Deaths:
    """How often one process died within the last ``window_s`` seconds."""

    def __init__(self, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._times: deque[float] = deque(maxlen=limit + 1)

    def too_many(self, now: float) -> bool:
        """Count one death at ``now`` (monotonic seconds): whether it is one more than the limit."""
        self._times.append(now)
        return len(self._times) > self._limit and now - self._times[0] <= self._window_s


class Supervisor:
    """The processes of one stack. ``changed`` is called whenever a pid changed."""

    def __init__(
        self, reporter: Reporter, changed: Callable[[], None], *, max_deaths: int, death_window_s: float
    ) -> None:
        self._reporter = reporter
        self._changed = changed
        self._max_deaths = max_deaths
        self._death_window_s = death_window_s
        self._watches: list[asyncio.Task[None]] = []
        self.processes: list[Process] = []

    async def start(self, processes: Sequence[Process]) -> None:
        """Start them side by side and keep them from then on. Raises ProcessFailedError when one is not ready."""
        self.processes.extend(processes)
        try:
            async with asyncio.TaskGroup() as group:
                for process in processes:
                    group.create_task(self._start_one(process))
        except ExceptionGroup as failures:  # not except*: up to Python 3.11.3 it would wrap what is raised here
            failed = failures.subgroup(ProcessFailedError)
            raise failed.exceptions[0] if failed else failures from None

    async def failure(self) -> None:
        """Wait until a process can't be kept running: raises ProcessFailedError or TooManyDeathsError."""
        log_task = asyncio.create_task(self._bound_logs())
        try:
            done, _ = await asyncio.wait([*self._watches, log_task], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            log_task.cancel()

    async def stop(self, hurry: asyncio.Event, order: Sequence[Sequence[str]]) -> None:
        """Stop the named groups one after another, each group's processes side by side."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for names in order:
            await asyncio.gather(*(self._stop_one(p, hurry) for p in self.processes if p.name in names))

    def kill_all(self) -> None:
        for process in self.processes:
            process.kill()

    async def _start_one(self, process: Process) -> None:
        seconds = await process.start()
        self._changed()
        self._reporter.ready(process, seconds)
        self._watches.append(asyncio.create_task(self._keep(process)))

    async def _keep(self, process: Process) -> None:
        deaths = Deaths(self._max_deaths, self._death_window_s)
        while True:
            how = describe_exit(await process.ended())
            while not await self._restart(process, how, deaths):
                how = "did not become ready"

    async def _restart(self, process: Process, how: str, deaths: Deaths) -> bool:
        """Answer one death. Returns whether the process is ready again. Raises TooManyDeathsError."""
        self._reporter.died(process, how)
        if deaths.too_many(time.monotonic()):
            raise TooManyDeathsError(
                f"{process.name} died more than {self._max_deaths} times within {self._death_window_s:.0f} s "
                f"(LOCAL_MAX_DEATHS). Its log: {process.spec.log}"
            )
        self._reporter.restarting(process)
        try:
            seconds = await process.start()
        except ProcessFailedError:
            return False
        finally:
            self._changed()
        self._reporter.restarted(process, seconds)
        return True

    async def _stop_one(self, process: Process, hurry: asyncio.Event) -> None:
        if process.pid is not None:
            self._reporter.stopped(process, await process.stop(hurry))

    async def _bound_logs(self) -> None:
        while True:
            for process in self.processes:
                process.bound_log()
            await asyncio.sleep(_LOG_CHECK_S)

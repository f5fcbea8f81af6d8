"""The stack's composition and order: Kafka and ClickHouse, the setup of topics and tables, the services."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from deploy.local import state
from deploy.local.errors import ProcessFailedError
from deploy.local.kafka import Broker
from deploy.local.layout import Backends
from deploy.local.one_time import run_step
from deploy.local.process import Process, Spec
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Reporter, Supervisor

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Publish = Callable[[dict[str, dict[str, Any]]], None]


class Stack:
    """One running stack. ``services`` are the processes that stand on the backends; infra mode has none."""

    def __init__(
        self, settings: LocalSettings, backends: Backends, services: Sequence[Spec], reporter: Reporter
    ) -> None:
        self.settings = settings
        self.backends = backends
        self._services = services
        self._hurry = asyncio.Event()
        self._publish: Publish = lambda _: None
        self._supervisor = Supervisor(
            reporter, self._changed, max_deaths=settings.max_deaths, death_window_s=settings.death_window_s
        )

    def processes(self) -> dict[str, dict[str, Any]]:
        """Name, pid, port, url and log of what was started."""
        return state.describe(self._supervisor.processes)

    @contextlib.asynccontextmanager
    async def running(self, publish: Publish) -> AsyncIterator[asyncio.Event]:
        """Yields the event that a stop signal sets; on leaving, stops everything, services first.

        ``publish`` gets the processes whenever one was started or started again. A second signal hurries the stop.
        """
        self._publish = publish
        ends = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._on_signal, ends)
        try:
            yield ends
        finally:
            kafka = [spec.name for spec in self.backends.kafka()]
            order = [[s.name for s in self._services], kafka, ["clickhouse"]]
            await self._supervisor.stop(self._hurry, order)

    async def start_backends(self) -> None:
        """Kafka and ClickHouse, side by side. Raises ProcessFailedError."""
        self.backends.engine.write_config()
        clickhouse = self._process(self.backends.clickhouse())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._supervisor.start([clickhouse]))
                for broker, spec in zip(self.backends.brokers, self.backends.kafka(), strict=True):
                    group.create_task(self._start_broker(broker, self._process(spec)))
        except ExceptionGroup as failures:  # not except*: up to Python 3.11.3 it would wrap what is raised here
            failed = failures.subgroup(ProcessFailedError)
            raise failed.exceptions[0] if failed else failures from None

    async def start_services(self) -> None:
        """All services, side by side. Raises ProcessFailedError."""
        await self._supervisor.start([self._process(spec) for spec in self._services])

    async def unless(self, ends: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
        """Do the work unless the event comes first, which cancels it. Returns whether it was done."""
        task = asyncio.create_task(work)
        ended = asyncio.create_task(ends.wait())
        await asyncio.wait([task, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return False
        task.result()
        return True

    async def until(self, ends: asyncio.Event) -> None:
        """Keep everything running until the event. Raises ProcessFailedError or TooManyDeathsError."""
        failure = asyncio.create_task(self._supervisor.failure())
        ended = asyncio.create_task(ends.wait())
        await asyncio.wait([failure, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not failure.done():
            failure.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await failure

    async def _start_broker(self, broker: Broker, process: Process) -> None:
        broker.write_properties()
        if not broker.node.is_formatted:
            log = self.backends.logs_dir / f"{process.name}-format.log"
            await run_step(f"{process.name} format", broker.format_argv(), log, {}, self.settings.start_timeout_s)
        await self._supervisor.start([process])

    def _process(self, spec: Spec) -> Process:
        return Process(
            spec,
            start_timeout_s=self.settings.start_timeout_s,
            stop_timeout_s=self.settings.stop_timeout_s,
            log_max_bytes=self.settings.log_max_bytes,
        )

    def _changed(self) -> None:
        self._publish(self.processes())

    def _on_signal(self, ends: asyncio.Event) -> None:
        if ends.is_set():
            self._hurry.set()
        ends.set()

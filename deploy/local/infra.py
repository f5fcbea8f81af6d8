"""Kafka and ClickHouse alone, without topics and tables: for tests and development."""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from deploy.local import brokers, ports, state
from deploy.local.layout import Backends
from deploy.local.settings import LocalSettings
from deploy.local.stack import Stack

_UNTIL_PID_POLL_S = 0.5


def with_free_ports(settings: LocalSettings) -> LocalSettings:
    """The same settings on ports where nothing listens now."""
    (clickhouse,) = ports.free_ports(1)
    kafka, controller = ports.free_ports(2, rows=settings.brokers, apart=brokers.PORTS_APART)
    return settings.model_copy(
        update={"kafka_port": kafka, "kafka_controller_port": controller, "clickhouse_port": clickhouse}
    )


def endpoints(backends: Backends, processes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What a test needs to know: addresses, users with passwords, and the processes with their current pids."""
    return {
        "pid": os.getpid(),
        "kafka_bootstrap": backends.kafka_bootstrap,
        "clickhouse_url": backends.engine.url,
        "users": {role: {"user": u.name, "password": u.password} for role, u in backends.users.items()},
        "processes": processes,
    }


async def run(stack: Stack, *, state_file: Path | None, until_pid: int | None, remove: bool) -> None:
    """Run until SIGTERM, Ctrl-C, or the end of process ``until_pid``; then remove the data folder if asked to."""

    are_ready = False

    def publish(processes: dict[str, dict[str, Any]]) -> None:
        if state_file is not None and are_ready and len(processes) == len(stack.backends.specs()):
            state.write(state_file, endpoints(stack.backends, processes))

    try:
        async with stack.running(publish) as ends:
            watch = asyncio.create_task(_until_gone(until_pid, ends.set))
            try:
                if await stack.unless(ends, stack.start_backends()):
                    are_ready = True
                    publish(stack.processes())
                    print(json.dumps(endpoints(stack.backends, stack.processes())), flush=True)
                    await stack.until(ends)
            finally:
                watch.cancel()
    finally:
        if remove:
            shutil.rmtree(stack.settings.data_dir, ignore_errors=True)


async def _until_gone(pid: int | None, end: Callable[[], None]) -> None:
    """Call ``end()`` when the process is gone. Its start time tells it from a later process under the same number."""
    if pid is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(_UNTIL_PID_POLL_S)
    end()

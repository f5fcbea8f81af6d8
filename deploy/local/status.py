"""What runs on a data folder: each process of the state file, and whether it answers now."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from deploy.local import folder_lock, readiness, state
from deploy.local.ports import HOST
from deploy.local.settings import LocalSettings


@dataclass(frozen=True)
class Line:
    """One process: its name, pid, port, whether it is ``ready``, ``not answering`` or ``gone``, its URL, MiB in use."""

    name: str
    pid: int
    port: int
    condition: str
    url: str
    memory_mb: int


def stack_pid(settings: LocalSettings) -> int | None:
    """The supervisor's pid, None when no stack runs on the folder."""
    return folder_lock.holder_of(settings.run_dir)


async def lines(settings: LocalSettings) -> list[Line]:
    """All processes of the running stack."""
    processes = state.read(settings.run_dir / "stack.json")
    return list(await asyncio.gather(*(_line(name, entry) for name, entry in processes.items())))


async def _line(name: str, entry: Mapping[str, Any]) -> Line:
    try:
        memory = psutil.Process(entry["pid"]).memory_info().rss >> 20
        condition = "ready" if await _answers(name, entry) else "not answering"
    except psutil.NoSuchProcess:
        memory, condition = 0, "gone"
    return Line(name, entry["pid"], entry["port"], condition, entry["url"], memory)


async def _answers(name: str, entry: Mapping[str, Any]) -> bool:
    if name.split("-")[0] == "kafka":
        return await readiness.kafka_answers(HOST, entry["port"])
    return await readiness.http_ok(entry["url"] + ("/ping" if name == "clickhouse" else "/readyz"))

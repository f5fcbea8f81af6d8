"""The load of the ingest benchmark: a closed loop of POST /log, by wrk where it is installed, else by bench.client.

wrk takes about a fifth of the CPU, which it would otherwise take from what is measured. Both send the same prebuilt
requests in turn, each of another user.
"""

import asyncio
import json
import resource
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol

from bench import actions
from bench.client import Address, connect
from bench.quantiles import percentile

_SCRIPT: Final = Path(__file__).with_name("ingest_wrk.lua")
_MARK: Final = b"\nLOAD "


class LoadError(Exception):
    """A request was refused or not answered: then the rate is no rate of accepted requests."""


@dataclass(frozen=True)
class LoadRun:
    """Accepted requests and their latencies. ``child_cpu_s``: what a generator outside of this process took."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    child_cpu_s: float = 0.0

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds


class Generator(Protocol):
    """Sends ``actions_per_request`` again and again on each of ``connections``. Raises LoadError, OSError."""

    name: str

    async def run(self, address: Address, actions_per_request: int, connections: int, seconds: int) -> LoadRun: ...


def generator(folder: Path, *, python: bool) -> Generator:
    """wrk where there is one, unless ``python`` is wanted; ``folder`` is for its files."""
    wrk = shutil.which("wrk")
    return Wrk(Path(wrk), folder) if wrk and not python else Python()


class Wrk:
    """One thread of wrk, with a script that takes the requests in turn."""

    name = "wrk"

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder

    async def run(self, address: Address, actions_per_request: int, connections: int, seconds: int) -> LoadRun:
        requests = self._folder / f"requests-{address.port}-{actions_per_request}"
        if not requests.exists():
            lines = (b"%d\n%b" % (len(request), request) for request in actions.posts(address, actions_per_request))
            requests.write_bytes(b"".join(lines))
        words = [
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "-s",
            str(_SCRIPT),
            f"http://{address.host}:{address.port}",
        ]
        before_s = _children_s()
        process = await asyncio.create_subprocess_exec(
            self._program, *words, "--", str(requests), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return read_wrk(output, _children_s() - before_s)


def read_wrk(output: bytes, cpu_s: float) -> LoadRun:
    """The figures that the script has printed. Raises LoadError."""
    _, mark, line = output.rpartition(_MARK)
    if not mark:
        raise LoadError(f"wrk failed: {output.decode(errors='replace')}")
    figures = json.loads(line)
    refused, broken = figures.pop("refused"), figures.pop("broken")
    if refused or broken:
        raise LoadError(f"{refused} requests were refused, {broken} not answered")
    return LoadRun(**figures, child_cpu_s=cpu_s)


class Python:
    """This process, with the light client."""

    name = "bench.client"

    async def run(self, address: Address, actions_per_request: int, connections: int, seconds: int) -> LoadRun:
        requests = actions.posts(address, actions_per_request)
        latencies_ms: list[float] = []
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for n in range(connections):
                first = n * len(requests) // connections
                group.create_task(_send_on(address, requests, first, began_s + seconds, latencies_ms))
        return LoadRun(
            requests=len(latencies_ms),
            seconds=time.monotonic() - began_s,
            p50_ms=percentile(latencies_ms, 50),
            p99_ms=percentile(latencies_ms, 99),
        )


async def _send_on(
    address: Address, requests: Sequence[bytes], first: int, end_s: float, latencies_ms: list[float]
) -> None:
    connection = await connect(address)
    n = first
    try:
        while (sent_s := time.monotonic()) < end_s:
            answer, arrived_s = await connection.request(requests[n % len(requests)])
            if answer.status != HTTPStatus.OK:
                raise LoadError(f"a request was refused: {answer.status} {answer.body.decode(errors='replace')}")
            latencies_ms.append((arrived_s - sent_s) * 1000)
            n += 1
    finally:
        connection.close()


def _children_s() -> float:
    """CPU seconds of this process's ended children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

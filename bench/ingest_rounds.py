"""The rounds of the ingest benchmark: the route and what it is compared with, taken in turn against drift."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Final

from bench.cpu import GENERATOR, CpuMeter
from bench.ingest_kafka import BareRun, read
from bench.ingest_load import Generator, LoadRun
from bench.ingest_servers import Server

BARE_TOPIC: Final = "bare"
_BARE_START_S: Final = 60.0
_TRIES: Final = 3
_DISTURBED_PERCENT: Final = 10


@dataclass
class Bench:
    """What runs: Kafka, the route and the empty route; ``connections`` send to one of them at a time.

    accepted  actions that the route has accepted so far
    """

    kafka: Server
    route: Server
    null: Server
    generator: Generator
    connections: int
    accepted: int = 0

    async def send(self, server: Server, actions: int, seconds: int) -> LoadRun:
        """Load one of the servers. Raises LoadError, OSError."""
        run = await self.generator.run(server.address, actions, self.connections, seconds)
        if server is self.route:
            self.accepted += run.requests * actions
        return run


@dataclass(frozen=True)
class Measured:
    """One run of the load, and the CPU seconds of the server, of Kafka and of the generator during it."""

    load: LoadRun
    server_cpu_s: float
    kafka_cpu_s: float
    generator_cpu_s: float
    others_percent: float

    @property
    def per_s(self) -> float:
        return self.load.per_s

    @property
    def server_us(self) -> float:
        """CPU of the server, per request."""
        return self.server_cpu_s * 1e6 / self.load.requests

    @property
    def kafka_us(self) -> float:
        """CPU of Kafka, per request."""
        return self.kafka_cpu_s * 1e6 / self.load.requests

    @property
    def generator_us(self) -> float:
        """CPU of the generator, per request."""
        return self.generator_cpu_s * 1e6 / self.load.requests


@dataclass(frozen=True)
class Round:
    """The route and the empty route under the same load; ``bare`` only for one size, its runs by name."""

    actions: int
    route: Measured
    null: Measured
    bare: dict[str, BareRun]

    @property
    def ratio_null(self) -> float:
        return self.route.per_s / self.null.per_s

    @property
    def is_disturbed(self) -> bool:
        """Whether other processes took more than a tenth of the cores: then the two rates are not comparable."""
        return max(self.route.others_percent, self.null.others_percent) > _DISTURBED_PERCENT

    @property
    def server_us_per_action(self) -> float:
        return self.route.server_us / self.actions

    def ratio_bare(self, name: str) -> float:
        """The route's actions to bare Kafka's records, per second."""
        return self.route.per_s * self.actions / self.bare[name].per_s


async def measure(bench: Bench, actions: int, seconds: int, *, bare: bool, null_first: bool) -> Round:
    """One round; again, at most twice, when it was disturbed.

    null_first  in every other one, so that a machine that slows down favours neither
    """
    for _ in range(_TRIES - 1):
        one = await _round(bench, actions, seconds, bare=bare, null_first=null_first)
        if not one.is_disturbed:
            return one
    return await _round(bench, actions, seconds, bare=bare, null_first=null_first)


async def _round(bench: Bench, actions: int, seconds: int, *, bare: bool, null_first: bool) -> Round:
    servers = {"null": bench.null, "route": bench.route} if null_first else {"route": bench.route, "null": bench.null}
    measured = {name: await load(bench, server, actions, seconds) for name, server in servers.items()}
    runs = await _bare(bench.kafka, seconds) if bare else {}
    return Round(actions, measured["route"], measured["null"], runs)


async def load(bench: Bench, server: Server, actions: int, seconds: int) -> Measured:
    """Send to one server. Raises LoadError, OSError, ProcessLookupError."""
    cpu = CpuMeter({"server": server.pid, "kafka": bench.kafka.pid})
    run = await bench.send(server, actions, seconds)
    spent = cpu.spent_s()
    generator_s = spent[GENERATOR] + run.child_cpu_s
    return Measured(run, spent["server"], spent["kafka"], generator_s, cpu.others_percent(run.child_cpu_s))


async def _bare(kafka: Server, seconds: int) -> dict[str, BareRun]:
    words = ("-m", "bench.ingest_kafka", kafka.servers, BARE_TOPIC, str(seconds))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(_BARE_START_S + 2 * seconds):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return read(output)

"""``python -m bench.ingest``: POST /log into a real Kafka, against an empty FastAPI route and against bare Kafka."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

from bench import command, ingest_kafka, ingest_load, ingest_rounds, ingest_servers, ingest_soak, stack
from bench.ingest_load import LoadError
from bench.ingest_rounds import BARE_TOPIC, Bench, Round
from bench.ingest_soak import Soak
from bench.ingest_summary import Findings, IngestSurroundings, result, show
from bench.report import Paper
from bench.surroundings import Before
from contract.topics import DEFAULT_TOPIC
from deploy.local.components import kafka_jars
from deploy.setup.settings import SetupSettings
from deploy.setup.topic import ensure_topic

_CONNECTIONS: Final = 64
_BARE_SIZE: Final = 100  # actions a request at which the route is compared with bare Kafka
_SOAK_SIZE: Final = 3


@dataclass(frozen=True)
class Plan:
    """What is run: each size in each round, then the soak."""

    sizes: Sequence[int]
    rounds: int
    seconds: int
    warm_up_seconds: int
    soak_seconds: int


def plan(options: argparse.Namespace) -> Plan:
    """Four minutes; ``--quick`` only shows that everything works."""
    if options.quick:
        return Plan((3, 100), rounds=1, seconds=1, warm_up_seconds=1, soak_seconds=2)
    return Plan((1, 3, 20, 100), rounds=3, seconds=4, warm_up_seconds=6, soak_seconds=options.soak_s)


def main(arguments: Sequence[str]) -> int:
    """Run it. Returns the exit code: 1 when a request was refused, an action lost, or a process failed."""
    options = _parser().parse_args(arguments)
    return command.run(
        "ingest",
        lambda paper: _run(plan(options), options.python, paper),
        show,
        result,
        keep=not (options.quick or options.no_history),
        failures=(LoadError,),
        is_right=lambda findings: findings.counts_agree,
    )


def _parser() -> argparse.ArgumentParser:
    parser = command.parser("ingest", __doc__, "15 s: shows that it works; its figures mean little")
    parser.add_argument("--soak-s", type=int, default=120, help="seconds of load under which memory is watched")
    parser.add_argument("--python", action="store_true", help="do not use wrk, even if it is installed")
    return parser


def _run(wanted: Plan, python: bool, paper: Paper) -> Findings:
    stack.fetch_components()
    before = Before.now()
    with tempfile.TemporaryDirectory(prefix="actionlog-bench-") as name:
        folder = Path(name)
        paper.note("Starting Kafka, the producer API and the empty route")
        with _running(folder, python=python) as bench, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rounds, soak = runner.run(_measure(bench, wanted, paper))
            stored = runner.run(ingest_kafka.stored(bench.kafka.servers, DEFAULT_TOPIC))
        surroundings = IngestSurroundings.of(folder, before, kafka=kafka_jars.VERSION, generator=bench.generator.name)
    return Findings(surroundings, rounds, soak, bench.accepted, stored)


@contextmanager
def _running(folder: Path, *, python: bool = False) -> Iterator[Bench]:
    """Everything, ready. Raises StackError. To be entered in the main thread."""
    with ingest_servers.kafka(folder) as kafka:
        for topic in (DEFAULT_TOPIC, BARE_TOPIC):
            asyncio.run(ensure_topic(SetupSettings(kafka_bootstrap_servers=kafka.servers, kafka_topic=topic)))
        environment = {"PRODUCER_KAFKA_BOOTSTRAP_SERVERS": kafka.servers, "PRODUCER_KAFKA_TOPIC": DEFAULT_TOPIC}
        with (
            ingest_servers.api("producer_api", environment, folder) as route,
            ingest_servers.api("bench.ingest_null", {}, folder) as null,
        ):
            yield Bench(kafka, route, null, ingest_load.generator(folder, python=python), _CONNECTIONS)


async def _measure(bench: Bench, wanted: Plan, paper: Paper) -> tuple[list[Round], Soak]:
    paper.note(f"Warm-up, {wanted.warm_up_seconds} s each")
    for server in (bench.null, bench.route):
        await ingest_rounds.load(bench, server, _SOAK_SIZE, wanted.warm_up_seconds)
    rounds = []
    for n in range(wanted.rounds):
        paper.note(f"Round {n + 1} of {wanted.rounds}: {', '.join(map(str, wanted.sizes))} actions a request")
        for size in wanted.sizes:
            bare, null_first = size == _BARE_SIZE, n % 2 == 1
            rounds.append(await ingest_rounds.measure(bench, size, wanted.seconds, bare=bare, null_first=null_first))
    paper.note(f"Soak: {wanted.soak_seconds} s at {_SOAK_SIZE} actions a request")
    return rounds, await ingest_soak.measure(bench, _SOAK_SIZE, wanted.soak_seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

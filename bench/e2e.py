"""``python -m bench.e2e``: freshness at 1,000 actions/s, and throughput, of the whole stack with default settings."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import uvloop

from bench import command, freshness, stack, throughput
from bench.e2e_summary import Findings, StackSurroundings, result, show
from bench.freshness import FreshnessRun, Probing
from bench.pace import Pace
from bench.report import Paper
from bench.stack import Stack
from bench.stored import until_stored
from bench.surroundings import Before
from bench.throughput import Load, ThroughputRun
from deploy.local.components import kafka_jars

_ACTIONS_PER_S: Final = 1_000


@dataclass(frozen=True)
class Plan:
    """What is run, in this order. Every run but the warm-up is reported."""

    warm_up: Pace
    quiet: Pace  # nobody reads: what a thousand actions cost by themselves
    freshness: Pace
    freshness_runs: int
    probing: Probing
    load: Load | None


def plan(options: argparse.Namespace) -> Plan:
    """Half a minute of freshness and as much of throughput; ``--quick`` only shows that everything works."""
    pace = Pace(_ACTIONS_PER_S / 20, 20, seconds=10)
    full = Plan(
        warm_up=replace(pace, seconds=5),
        quiet=pace,
        freshness=pace,
        freshness_runs=3,
        probing=Probing(every=10, most=8, poll_ms=20),
        load=Load(connections=32, actions_per_request=100, seconds=20),
    )
    if options.quick:
        pace = replace(pace, seconds=2)
        load = Load(connections=8, actions_per_request=100, seconds=1)
        return replace(full, warm_up=replace(pace, seconds=1), quiet=pace, freshness=pace, freshness_runs=1, load=load)
    return replace(full, load=None) if options.freshness_only else full


def main(arguments: Sequence[str]) -> int:
    """Run it. Returns the exit code: 1 when actions were lost, doubled or refused, or the stack failed."""
    options = _parser().parse_args(arguments)
    return command.run(
        "e2e",
        lambda paper: _run(plan(options), paper),
        show,
        result,
        keep=not (options.quick or options.no_history),
        is_right=lambda findings: findings.counts_agree,
    )


def _parser() -> argparse.ArgumentParser:
    parser = command.parser("e2e", __doc__, "20 s: shows that it works; its figures mean little")
    parser.add_argument(
        "--freshness-only", action="store_true", help="leave the throughput out; for comparing settings"
    )
    return parser


def _run(wanted: Plan, paper: Paper) -> Findings:
    stack.fetch_components()
    before = Before.now()
    with tempfile.TemporaryDirectory(prefix="actionlog-bench-") as folder:
        data_dir = Path(folder)
        paper.note("Starting the stack: Kafka, ClickHouse and the three services")
        with stack.running(data_dir) as running, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            clickhouse = running.ask_clickhouse("SELECT version()")
            quiet, runs, loaded = runner.run(_measure(running, wanted, paper))
            accepted = _accepted(wanted, loaded)
            stored, _ = runner.run(until_stored(running, accepted))
        surroundings = StackSurroundings.of(data_dir, before, kafka=kafka_jars.VERSION, clickhouse=clickhouse)
    return Findings(surroundings, quiet, runs, loaded, accepted, stored)


async def _measure(
    running: Stack, wanted: Plan, paper: Paper
) -> tuple[FreshnessRun, list[FreshnessRun], ThroughputRun | None]:
    paper.note(f"Freshness: {_ACTIONS_PER_S:,} actions/s, {wanted.freshness_runs} times {wanted.freshness.seconds:g} s")
    await freshness.measure(running, "warm-up", wanted.warm_up, wanted.probing)
    quiet = await freshness.measure(running, "quiet", wanted.quiet, None)
    runs = [
        await freshness.measure(running, f"run{n}", wanted.freshness, wanted.probing)
        for n in range(wanted.freshness_runs)
    ]
    loaded = None
    if wanted.load is not None:
        paper.note(f"Throughput: {wanted.load.connections} connections, {wanted.load.seconds:g} s, then until stored")
        loaded = await throughput.measure(running, wanted.load, _accepted(wanted, None))
    return quiet, runs, loaded


def _accepted(wanted: Plan, loaded: ThroughputRun | None) -> int:
    at_a_pace = wanted.warm_up.actions + wanted.quiet.actions + wanted.freshness_runs * wanted.freshness.actions
    return at_a_pace + (loaded.accepted if loaded else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

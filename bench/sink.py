"""``python -m bench.sink``: drain a backlog, against what bounds the sink and what users would pick instead."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench import command, sink_backlog, sink_drain, sink_quiet, sink_servers, stack
from bench.report import Paper
from bench.sink_drain import Drain
from bench.sink_servers import Pair
from bench.sink_summary import Findings, result, show
from bench.surroundings import Before, Surroundings

_RECORDS: Final = 1_000_000
_ROUNDS: Final = 3

Runs = dict[str, list[Drain]]


def main(arguments: Sequence[str]) -> int:
    """Run it. Returns the exit code: 1 when a record was lost or doubled, or a process failed."""
    options = _parser().parse_args(arguments)
    keep = not (options.quick or options.no_history)
    return command.run("sink", lambda paper: _run(options, paper), show, result, keep=keep)


def _parser() -> argparse.ArgumentParser:
    parser = command.parser("sink", __doc__, "a small backlog, once: shows that it works")
    parser.add_argument("--records", type=int, default=_RECORDS, help="records of the backlog, about")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each is run; the medians count")
    return parser


def _run(options: argparse.Namespace, paper: Paper) -> Findings:
    stack.fetch_components()
    before = Before.now()
    records, rounds = (400_000, 1) if options.quick else (options.records, options.rounds)
    with tempfile.TemporaryDirectory(prefix="actionlog-bench-") as name:
        folder = Path(name)
        paper.note("Starting Kafka and ClickHouse")
        with sink_servers.running(folder) as pair:
            sink_drain.new_database(pair)  # and with it the topic
            total = asyncio.run(sink_backlog.write(pair.kafka.servers, records))
            paper.note(f"Backlog: {total:,} records on {sink_backlog.PARTITIONS} partitions")
            runs = _rounds(pair, total, folder, rounds, paper)
            quiet = sink_quiet.measure(pair, folder, paper, seconds=5 if options.quick else 60)
        surroundings = Surroundings.of(folder, before)
    return Findings(surroundings, total, runs, quiet)


def _rounds(pair: Pair, total: int, folder: Path, rounds: int, paper: Paper) -> Runs:
    """Each in every round, in turn, so that a machine that changes its speed favours none."""
    variants: dict[str, Callable[[], Drain]] = {
        "fetch": lambda: sink_drain.by_limit(pair, "fetch"),
        "sink": lambda: sink_drain.by_sink(pair, total, folder),
        "engine x1": lambda: sink_drain.by_kafka_engine(pair, total, consumers=1, threads=False),
        "engine x2": lambda: sink_drain.by_kafka_engine(pair, total, consumers=2, threads=True),
        "store": lambda: sink_drain.by_limit(pair, "store"),
        "two sinks": lambda: sink_drain.by_sink(pair, total, folder, processes=2),
    }
    runs: Runs = {name: [] for name in variants}
    for n in range(rounds):
        names = list(variants) if n % 2 == 0 else list(reversed(variants))
        for name in names:
            runs[name].append(variants[name]())
            paper.note(f"Round {n + 1} of {rounds}: {name:<10} {runs[name][-1].per_s:>9,.0f} rows/s")
    return runs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m bench.sink``: drain a backlog, against what bounds the sink and what users would pick instead."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench import machine, report, sink_backlog, sink_drain, sink_quiet, sink_servers, stack
from bench.report import Paper
from bench.sink_drain import Drain
from bench.sink_servers import Pair
from bench.sink_summary import Findings, Surroundings, result, show
from bench.stack import StackError
from deploy.local.errors import LocalError

_RECORDS: Final = 1_000_000
_ROUNDS: Final = 3

Runs = dict[str, list[Drain]]


def main(arguments: Sequence[str]) -> int:
    """Run it. Returns the exit code: 1 when a record was lost or doubled, or a process failed."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped in any case
    paper = Paper()
    try:
        findings = _run(options, paper)
    except (StackError, LocalError, ExceptionGroup, OSError) as error:
        paper.note(f"\nThe benchmark failed: {report.reason(error)}")
        return 1
    except KeyboardInterrupt:
        return 130
    show(findings, paper)
    outcome = result(findings)
    if not (options.quick or options.no_history):
        paper.note(f"\nAdded to {report.add_to_history('sink', outcome).name}")
    print(report.result_line(outcome), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.sink", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small backlog, once: shows that it works")
    parser.add_argument("--records", type=int, default=_RECORDS, help="records of the backlog, about")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="how often each is run; the medians count")
    parser.add_argument("--no-history", action="store_true", help="do not append to bench/results/sink.jsonl")
    return parser


def _run(options: argparse.Namespace, paper: Paper) -> Findings:
    stack.fetch_components()
    before_ms, load_average = machine.calibration_ms(), os.getloadavg()[0]
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
        surroundings = Surroundings.of(
            folder, load_average=load_average, calibration_ms=(before_ms, machine.calibration_ms())
        )
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

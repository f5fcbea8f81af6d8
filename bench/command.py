"""What every benchmark does around its own measuring: it reports failures, prints its figures and keeps them."""

import argparse
import signal
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bench import report
from bench.report import Paper
from bench.stack import StackError
from deploy.local.errors import LocalError

F = TypeVar("F")
INTERRUPTED = 130


def parser(name: str, description: str | None, quick: str) -> argparse.ArgumentParser:
    """The options that all have; ``quick`` says what --quick is good for."""
    options = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=description)
    options.add_argument("--quick", action="store_true", help=quick)
    options.add_argument("--no-history", action="store_true", help=f"do not append to bench/results/{name}.jsonl")
    return options


def run(
    name: str,
    measure: Callable[[Paper], F],
    show: Callable[[F, Paper], None],
    result: Callable[[F], Mapping[str, Any]],
    *,
    keep: bool,
    failures: tuple[type[Exception], ...] = (),
    is_right: Callable[[F], bool] = lambda _: True,
) -> int:
    """Measure, show, and ``keep`` the result in the history of that name.

    failures   what else ``measure`` may raise, beside what servers and networks do
    is_right   whether what was counted is what should be

    Returns the exit code.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped in any case
    paper = Paper()
    expected: tuple[type[Exception], ...] = (StackError, LocalError, ExceptionGroup, OSError, *failures)
    try:
        findings = measure(paper)
    except expected as error:
        paper.note(f"\nThe benchmark failed: {report.reason(error)}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    show(findings, paper)
    outcome = {"benchmark": name, **result(findings)}
    if keep:
        paper.note(f"\nAdded to {report.add_to_history(name, outcome).name}")
    print(report.result_line(outcome), flush=True)
    return 0 if is_right(findings) else 1

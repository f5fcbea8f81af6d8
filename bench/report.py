"""What a benchmark leaves behind: a table for people, one line ``RESULT {json}``, and a line in its history."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).resolve().parent / "results"


def result_line(result: Mapping[str, Any]) -> str:
    """The last line of a benchmark's output."""
    return f"RESULT {json.dumps(result)}"


def read_result(output: str) -> dict[str, Any]:
    """The result in a benchmark's output. Raises ValueError when it doesn't end with one."""
    last = output.rstrip().rpartition("\n")[2]
    word, _, text = last.partition(" ")
    if word != "RESULT":
        raise ValueError(f"the output ends with {last!r}, not with a RESULT")
    result: dict[str, Any] = json.loads(text)
    return result


def add_to_history(name: str, result: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Append the result to ``<folder>/<name>.jsonl``, which git keeps. Returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    history = folder / f"{name}.jsonl"
    with history.open("a") as file:
        file.write(json.dumps(result) + "\n")
    return history


def today() -> str:
    """The date and minute, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")


def reason(error: BaseException) -> str:
    """Why a benchmark failed: the first error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


class Paper:
    """Prints headings, notes and tables, on a terminal with colour."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/]")

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def facts(self, rows: Mapping[str, object]) -> None:
        """Two columns: a name and its value."""
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            self._console.print(f"  {name:<{width}}  {value}", markup=False)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """The first column is text, the others are figures."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for n, column in enumerate(columns):
            table.add_column(column, justify="right" if n else "left", header_style="bold")
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self._console.print(table, soft_wrap=False)

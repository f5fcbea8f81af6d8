"""What a person sees: rich progress and colours on a terminal, plain lines elsewhere (CI, a file)."""

import threading
import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from deploy.local.process import Process

_PLAIN_STEP_PERCENT = 20


class Terminal:
    """Progress of downloads and the fates of processes. A context manager: the progress display lives inside."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}
        self._percent_told: dict[str, int] = {}
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_progress()

    def say(self, text: str = "") -> None:
        """One line (or several), without markup, exactly as given."""
        self.console.print(text, markup=False)

    def error(self, text: str) -> None:
        self.console.print(text, markup=False, style="red")

    # Downloads

    def waiting(self, holder: str) -> None:
        self.say(f"Another start (pid {holder}) is filling the cache; waiting for it")

    def begin(self, name: str, total_bytes: int) -> None:
        with self._lock:
            self._totals[name] = total_bytes
            if self.console.is_terminal:
                self._tasks[name] = self._display().add_task(name, total=total_bytes)
            else:
                self.say(f"{name}: downloading {total_bytes / 1e6:.0f} MB")

    def advance(self, name: str, done_bytes: int) -> None:
        with self._lock:
            if self._progress is not None:
                self._progress.update(self._tasks[name], completed=done_bytes)
                return
            percent = 100 * done_bytes // max(1, self._totals[name])
            if percent >= self._percent_told.get(name, 0) + _PLAIN_STEP_PERCENT:
                self._percent_told[name] = percent
                self.say(f"{name}: {percent} %")

    def finish(self, name: str, note: str) -> None:
        with self._lock:
            if self._progress is None:
                self.say(f"{name}: {note}")
                return
            self._progress.update(self._tasks[name], description=f"{name} [green]{note}")
            if all(task.finished for task in self._progress.tasks):
                self._progress.stop()

    def end_progress(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _display(self) -> Progress:
        if self._progress is None:
            columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._progress = Progress(*columns, console=self.console)
            self._progress.start()
        return self._progress

    # Processes

    def ready(self, process: Process, seconds: float) -> None:
        self.step(process.name, process.spec.url, seconds)

    def step(self, name: str, detail: str, seconds: float) -> None:
        self.console.print(f"  [green]✓[/] {name:<18} {detail:<28} [dim]{seconds:5.1f} s[/]")

    def died(self, process: Process, how: str) -> None:
        self.console.print(f"[red]✗ {process.name} died[/] ({how}); the end of its log, {process.spec.log}:")
        for line in process.log_end():
            self.say(f"    {line}")
        self.console.print(f"[yellow]↻ starting {process.name} again[/]")

    def restarted(self, process: Process, seconds: float) -> None:
        self.console.print(f"[green]✓ {process.name} is ready again[/] after {seconds:.1f} s (pid {process.pid})")

    def stopped(self, process: Process, by_itself: bool) -> None:
        if by_itself:
            self.console.print(f"  [green]✓[/] {process.name} stopped")
        else:
            self.console.print(f"  [yellow]![/] {process.name} did not stop in time and was killed")


class Quiet(Terminal):
    """For infra mode: everything goes to standard error, since standard output carries the endpoints as JSON."""

    def __init__(self) -> None:
        super().__init__(Console(stderr=True, highlight=False, soft_wrap=True))

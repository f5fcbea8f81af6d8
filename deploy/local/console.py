"""What a person sees: rich progress and colours on a terminal, plain lines elsewhere (CI, a file)."""

import threading
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from deploy.local import banner
from deploy.local.process import Process
from deploy.local.settings import LocalSettings
from deploy.local.status import Line

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_progress()

    def say(self, text: str = "") -> None:
        """One line (or several), without markup, exactly as given."""
        self.console.print(text, markup=False)

    def error(self, text: str) -> None:
        self.console.print(text, markup=False, style="red")

    def heading(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/]")

    def ready_banner(self, settings: LocalSettings, seconds: float) -> None:
        self.console.print(f"\n[bold green]Actionlog is ready[/] after {seconds:.1f} s\n")
        for name, place in banner.places(settings):
            self.console.print(f"  [bold]{name:<15}[/]", end="")
            self.say(place)
        self.console.print("\n[bold]Log three actions[/]\n")
        self.say(banner.post_command(settings))
        self.console.print("\n[bold]Read the click back[/]\n")
        self.say(banner.get_command(settings))
        self.console.print("\nCtrl-C stops everything; topics and tables stay for the next start.\n")

    def status(self, lines: list[Line]) -> None:
        table = Table("process", "pid", "port", "state", "address", "MiB", box=None, pad_edge=False)
        for line in lines:
            colour = "green" if line.condition == "ready" else "red"
            words = (line.name, str(line.pid), str(line.port), f"[{colour}]{line.condition}[/]", line.url)
            table.add_row(*words, str(line.memory_mb))
        self.console.print(table)

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
            self._progress.update(self._tasks.pop(name), description=f"{name} [green]{note}")
            if not self._tasks:
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
        lines = process.log_end()
        end = "the end of its log" if lines else "it logged nothing"
        log = escape(f"{process.spec.log}{':' if lines else ''}")
        self.console.print(f"[red]✗ {process.name} died[/] ({how}); {end}, {log}")
        for line in lines:
            self.say(f"    {line}")

    def restarting(self, process: Process) -> None:
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

"""Holds open the window in which ClickHouse knows a block's token and has not put its part into place yet.

The deduplication log is written before the part is renamed, and between the two lie microseconds. strace delays the
rename, the log's growth tells that the window is open, and there the engine is killed: the token stays, the rows not.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.faults.rig import Rig
from tests.waiting import wait_until

_RENAMES = "rename,renameat,renameat2"
_DELAY_US = 3_000_000  # far more than it takes to notice


def obstacle(pid: int) -> str | None:
    """Why a process of ours can't be traced here; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(
        ["timeout", "-k", "2", "2", "strace", "-p", str(pid), "-e", "trace=none"],
        capture_output=True,
        text=True,
        check=False,
    )
    refused = next((line for line in tried.stderr.splitlines() if "ttach" in line and "not" in line), None)
    return f"strace may not trace here: {refused}" if refused else None


@contextmanager
def held_open(rig: Rig) -> Iterator[None]:
    """Every rename of the engine waits for seconds."""
    words = ["strace", "-f", "-qq", "-p", str(rig.infra.pid("clickhouse")), "-o", "/dev/null"]
    words += ["-e", f"trace={_RENAMES}", "-e", f"inject={_RENAMES}:delay_enter={_DELAY_US}"]
    process = psutil.Process(rig.infra.pid("clickhouse"))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as tracer:
        try:
            wait_until(lambda: _is_traced(process), 20, "every thread of ClickHouse is traced")
            yield
        finally:
            tracer.terminate()  # not SIGINT: strace ignores it where its parents do
            try:
                tracer.wait(15)
            except subprocess.TimeoutExpired:
                tracer.kill()


def _is_traced(process: psutil.Process) -> bool:
    status = [path.read_text() for path in Path(f"/proc/{process.pid}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in text for text in status)


class Log:
    """The deduplication log of the table of actions."""

    def __init__(self, rig: Rig) -> None:
        paths = rig.namespace.query(
            "SELECT data_paths[1] FROM system.tables WHERE database = '{db}' AND name = 'actions'"
        )
        self._folder = Path(paths) / "deduplication_logs"
        self._before = self._size()

    def wait_grown(self) -> None:
        """Until a token is in it that was not there when this object was made."""
        wait_until(lambda: self._size() > self._before, 60, "the token is written")

    def _size(self) -> int:
        return sum(path.stat().st_size for path in self._folder.glob("*.txt"))

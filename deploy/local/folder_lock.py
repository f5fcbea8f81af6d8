"""Locks between processes: a file that its holder has locked, with the holder's pid in it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from deploy.local.errors import DataFolderBusyError, LocalError

_POLL_S = 0.2


@contextlib.contextmanager
def exclusive(path: Path, *, timeout_s: float, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock, after at most ``timeout_s`` seconds; ``waiting`` is told once who has it. Raises LocalError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    told = False
    with path.open("a+") as file:
        while not _take(file.fileno()):
            if not told:
                waiting(_holder(path))
                told = True
            if time.monotonic() > deadline:
                raise LocalError(f"{path} is still locked by process {_holder(path)} after {timeout_s:.0f} s")
            time.sleep(_POLL_S)
        _sign(path)
        yield


@contextlib.contextmanager
def data_folder(run_dir: Path) -> Iterator[None]:
    """Hold a data folder for one stack. Raises DataFolderBusyError at once when another one has it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "lock"
    with path.open("a+") as file:
        if not _take(file.fileno()):
            raise DataFolderBusyError(
                f"A stack already runs on {run_dir.parent} (pid {_holder(path)}).\n"
                "Stop it with Ctrl-C in its terminal, or name another folder: LOCAL_DATA_DIR=..."
            )
        _sign(path)
        yield


def holder_of(run_dir: Path) -> int | None:
    """The pid of the stack that runs on this data folder, or None."""
    path = run_dir / "lock"
    if not path.exists():
        return None
    with path.open("a+") as file:
        return None if _take(file.fileno()) else int(_holder(path) or 0)


def _take(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(path: Path) -> None:
    path.write_text(f"{os.getpid()}\n")


def _holder(path: Path) -> str:
    return path.read_text().strip()

"""Removing a data folder: only what the stack made in it."""

import contextlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from deploy.local import brokers, folder_lock

_MADE_BY_US = ("kafka", *brokers.names(3), "clickhouse", "logs", "passwords.json", "run")


def clean(data_dir: Path) -> list[str]:
    """Remove topics, tables, logs and passwords; whatever else lies in the folder stays. Returns what was removed.

    Raises DataFolderBusyError while a stack runs on it.
    """
    present = [name for name in _MADE_BY_US if (data_dir / name).exists()]
    if present:
        with folder_lock.data_folder(data_dir / "run"):
            _remove(data_dir / name for name in present)
    with contextlib.suppress(OSError):  # missing, or not empty
        data_dir.rmdir()
    return present


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

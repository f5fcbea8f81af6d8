"""The log of one process: bounded in size, and its end, to be shown when something went wrong."""

import os
import shutil
from pathlib import Path

_TAIL_BYTES = 64_000


def bound(path: Path, max_bytes: int) -> None:
    """Move what was logged to ``<name>.log.1`` when the file has reached the limit.

    The content is copied and the file emptied in place, because the process that writes keeps it open (for appending).
    Lines written between the two steps are lost: a bounded disk is worth more than a complete debug log.
    """
    if path.exists() and path.stat().st_size >= max_bytes:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)


def size(path: Path) -> int:
    """Bytes in the log, 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def tail(path: Path, lines: int, since_byte: int = 0) -> list[str]:
    """The last lines written after that byte; of a line that is longer than all that is read, its end."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        since = since_byte if since_byte <= end else 0  # the log was moved aside meanwhile
        file.seek(max(since, end - _TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-lines:]

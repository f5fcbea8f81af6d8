"""A small disk of a test's own, a tmpfs, to be filled and freed. Mounting needs root."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_CHUNK = b"\0" * (1 << 16)


class Disk:
    """A mounted folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, leave_bytes: int = 0) -> None:
        """Write until no more than so much is free; by default not one byte."""
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as ballast:
            while self.free_bytes > leave_bytes:
                ballast.write(_CHUNK)

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def free(self) -> None:
        """Give back what ``fill`` took."""
        self._ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Disk | None]:
    """A disk at ``folder``; None where this user may not mount one. To be left when nothing uses it any more."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode != 0:
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

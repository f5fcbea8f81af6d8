"""One component's download: a child process that fills a folder, watched until it ends.

A child, because the tools that fetch (jgo, npm) report no progress and can't be interrupted in a thread; a folder,
because the bytes in it against the known total are the progress.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from deploy.local.child import tie_to_parent
from deploy.local.errors import ComponentError
from deploy.local.settings import CHECKOUT

_POLL_S = 0.2
_ENDING_S = 5.0
_SHOWN_OUTPUT_BYTES = 4000


class Progress(Protocol):
    """Shows how far each component is. Called from several threads."""

    def begin(self, name: str, total_bytes: int) -> None: ...

    def advance(self, name: str, done_bytes: int) -> None: ...

    def finish(self, name: str, note: str) -> None: ...


@dataclass(frozen=True)
class Download:
    """A command that fetches ``total_bytes`` into a folder; ``arrived`` counts what is there, in bytes."""

    name: str
    argv: Sequence[str]
    folder: Path
    total_bytes: int
    arrived: Callable[[], int]
    environment: Mapping[str, str]


def run(download: Download, progress: Progress, *, timeout_s: float, cancelled: Callable[[], bool]) -> None:
    """Run it to its end. Raises ComponentError when it fails, takes longer, or is cancelled."""
    progress.begin(download.name, download.total_bytes)
    deadline = time.monotonic() + timeout_s
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(
            download.argv,
            cwd=CHECKOUT,
            env={**os.environ, **download.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=tie_to_parent(),
        )
        try:
            while child.poll() is None:
                progress.advance(download.name, min(download.arrived(), download.total_bytes))
                if cancelled():
                    raise ComponentError(f"{download.name}: download cancelled")
                if time.monotonic() > deadline:
                    raise ComponentError(
                        f"{download.name}: not fetched within {timeout_s:.0f} s (LOCAL_DOWNLOAD_TIMEOUT_S)"
                    )
                time.sleep(_POLL_S)
        finally:
            _end(child)
        if child.returncode != 0:
            raise ComponentError(f"{download.name}: the download failed (exit {child.returncode}):\n{_tail(output)}")
    progress.advance(download.name, download.total_bytes)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _SHOWN_OUTPUT_BYTES))
    return output.read().decode(errors="replace").strip()

"""What a figure depends on: the machine, the versions, the commit."""

import hashlib
import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_CALIBRATION_ROUNDS: Final = 9


@dataclass(frozen=True)
class Machine:
    """The machine's facts, as they are printed and kept."""

    cores: int
    cpu: str
    memory_gib: int
    system: str
    python: str
    data_filesystem: str


def facts(data_dir: Path) -> Machine:
    """The facts of this machine; ``data_dir`` is where Kafka and ClickHouse keep their files."""
    return Machine(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        cpu=_cpu_model(),
        memory_gib=round(psutil.virtual_memory().total / 2**30),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        data_filesystem=_filesystem(data_dir),
    )


def commit() -> str:
    """The short hash of the checkout's commit, with a ``+`` when files differ from it; ``unknown`` without git."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}+" if changed else head


def calibration_ms() -> float:
    """Milliseconds that a fixed piece of work takes here now: hosts slow down and speed up under our feet.

    Figures taken while this differs by half are not comparable.
    """
    rounds = []
    for _ in range(_CALIBRATION_ROUNDS):
        began = time.perf_counter()
        digest = b""
        for _ in range(20_000):
            digest = hashlib.sha256(digest).digest()
        rounds.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(rounds), 1)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=_CHECKOUT, check=True, capture_output=True, text=True).stdout.strip()


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _filesystem(folder: Path) -> str:
    """The kind of file system that holds the folder: the one mounted closest above it."""
    above = {folder.resolve(), *folder.resolve().parents}
    holders = [p for p in psutil.disk_partitions(all=True) if Path(p.mountpoint) in above]
    return max(holders, key=lambda p: len(p.mountpoint)).fstype if holders else "unknown"

"""The soak: whether the producer's memory stands still under minutes of load."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import psutil

from bench.ingest_load import LoadRun
from bench.ingest_rounds import Bench

_SAMPLE_S: Final = 1.0
_MIB: Final = 1 << 20
_TENTH: Final = 10


@dataclass(frozen=True)
class Soak:
    """Resident memory of the producer's process, one sample a second."""

    load: LoadRun
    rss_mb: Sequence[float]

    @property
    def first_mb(self) -> float:
        """Median of the first tenth: one sample depends on what the allocator did last."""
        return median(self.rss_mb[: self._tenth])

    @property
    def last_mb(self) -> float:
        """Median of the last tenth."""
        return median(self.rss_mb[-self._tenth :])

    @property
    def growth_mb(self) -> float:
        return self.last_mb - self.first_mb

    @property
    def _tenth(self) -> int:
        return max(1, len(self.rss_mb) // _TENTH)


async def measure(bench: Bench, actions: int, seconds: int) -> Soak:
    """Load the route for so long. Raises LoadError, OSError, ProcessLookupError."""
    rss_mb: list[float] = []
    sampling = asyncio.create_task(_sample(bench.route.pid, rss_mb))
    try:
        load = await bench.send(bench.route, actions, seconds)
    finally:
        sampling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sampling
    return Soak(load, rss_mb)


async def _sample(pid: int, rss_mb: list[float]) -> None:
    try:
        process = psutil.Process(pid)
        while True:
            rss_mb.append(process.memory_info().rss / _MIB)
            await asyncio.sleep(_SAMPLE_S)
    except psutil.NoSuchProcess:
        raise ProcessLookupError("producer_api died during the benchmark") from None

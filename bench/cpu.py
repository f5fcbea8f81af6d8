"""CPU time of the stack's processes, and of the benchmark itself."""

import time
from collections.abc import Mapping
from typing import Final

import psutil

GENERATOR: Final = "generator"


class CpuMeter:
    """CPU spent since it was made, by process name; ``generator`` is this process.

    Raises ProcessLookupError when one of the processes is gone: then the figures would be of half a process.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: _process(name, pid) for name, pid in pids.items()}
        self._before = self._now()

    def spent_s(self) -> dict[str, float]:
        """Seconds of user and system time, all threads."""
        return {name: seconds - self._before[name] for name, seconds in self._now().items()}

    def us_per_action(self, actions: int) -> dict[str, float]:
        """Microseconds per action, to a tenth. Raises ValueError without actions."""
        if actions <= 0:
            raise ValueError("no action was accepted")
        return {name: round(seconds * 1e6 / actions, 1) for name, seconds in self.spent_s().items()}

    def _now(self) -> dict[str, float]:
        seconds = {}
        for name, process in self._processes.items():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                raise ProcessLookupError(f"{name} died during the benchmark") from None
            seconds[name] = times.user + times.system
        return {**seconds, GENERATOR: time.process_time()}


def _process(name: str, pid: int) -> psutil.Process:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        raise ProcessLookupError(f"{name} is not running") from None

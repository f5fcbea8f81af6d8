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
        self._began_s, self._busy_before_s = time.monotonic(), _busy_s()

    def spent_s(self) -> dict[str, float]:
        """Seconds of user and system time, all threads."""
        return {name: seconds - self._before[name] for name, seconds in self._now().items()}

    def us_per_action(self, actions: int) -> dict[str, float]:
        """Microseconds per action, to a tenth. Raises ValueError without actions."""
        if actions <= 0:
            raise ValueError("no action was accepted")
        return {name: round(seconds * 1e6 / actions, 1) for name, seconds in self.spent_s().items()}

    def others_percent(self, children_s: float = 0.0) -> float:
        """Percent of all cores that went to anything else, the kernel's own threads included.

        children_s  of this process's children that have ended: known, hence no others'
        """
        others_s = _busy_s() - self._busy_before_s - sum(self.spent_s().values()) - children_s
        return round(100 * max(0.0, others_s) / (time.monotonic() - self._began_s) / (psutil.cpu_count() or 1), 1)

    def _now(self) -> dict[str, float]:
        seconds = {}
        for name, process in self._processes.items():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                raise ProcessLookupError(f"{name} died during the benchmark") from None
            seconds[name] = times.user + times.system
        return {**seconds, GENERATOR: time.process_time()}


def _busy_s() -> float:
    """Seconds that all cores together have been busy since the machine started."""
    times = psutil.cpu_times()
    return float(sum(getattr(times, kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq")))


def _process(name: str, pid: int) -> psutil.Process:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        raise ProcessLookupError(f"{name} is not running") from None

"""What the figures of a benchmark depend on, as they are kept beside them."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bench import machine, report, stack


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The machine, the code and its settings; how busy the machine was at the start, and how fast before and after."""

    machine: dict[str, Any]
    commit: str
    date: str
    changed_settings: dict[str, str]
    load_average: float
    calibration_ms: tuple[float, float]

    @classmethod
    def of(cls, folder: Path, before: "Before", **known: Any) -> Self:
        """Of here and now. ``folder`` is where the servers keep their files; ``known`` what a benchmark adds."""
        return cls(
            machine=asdict(machine.facts(folder)),
            commit=machine.commit(),
            date=report.today(),
            changed_settings=stack.changed_settings(os.environ),
            load_average=before.load_average,
            calibration_ms=(before.calibration_ms, machine.calibration_ms()),
            **known,
        )


@dataclass(frozen=True)
class Before:
    """The machine before a benchmark begins."""

    load_average: float
    calibration_ms: float

    @classmethod
    def now(cls) -> "Before":
        load_average = os.getloadavg()[0]
        return cls(load_average, machine.calibration_ms())

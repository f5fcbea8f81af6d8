"""The state file of a running stack: ``<data>/run/stack.json``, ``{name: {pid, port, url, log}}``."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deploy.local.process import Process


def describe(processes: Iterable[Process]) -> dict[str, dict[str, Any]]:
    """The processes that were started, by name; ``pid`` is that of the latest start."""
    return {
        p.name: {"pid": p.pid, "port": p.spec.port, "url": p.spec.url, "log": str(p.spec.log)}
        for p in processes
        if p.pid is not None
    }


def write(path: Path, state: dict[str, Any]) -> None:
    """Replace the file in one step; readable by its owner only, since a test stack's state holds passwords."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(state, out, indent=2)
    fresh.replace(path)


def read(path: Path) -> dict[str, Any]:
    """The state, empty when there is none."""
    if not path.exists():
        return {}
    state: dict[str, Any] = json.loads(path.read_text())
    return state

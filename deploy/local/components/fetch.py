"""Bring every component into the cache: those that are missing or damaged, side by side."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from deploy.local import folder_lock
from deploy.local.components.download import Download, Progress, run


class Component(Protocol):
    """One thing that is fetched once."""

    @property
    def name(self) -> str: ...

    def is_ready(self, *, thorough: bool = False) -> bool: ...

    def download(self) -> Download: ...

    def install(self) -> None: ...


class Announcer(Progress, Protocol):
    """Progress, and a word when another start holds the cache."""

    def waiting(self, holder: str) -> None: ...


def ensure(
    components: Sequence[Component], cache_dir: Path, announcer: Announcer, *, timeout_s: float, thorough: bool = False
) -> None:
    """Fetch what is not whole. Touches neither network nor lock when all is there. Raises ComponentError."""
    if all(component.is_ready(thorough=thorough) for component in components):
        return
    with folder_lock.exclusive(cache_dir / "lock", timeout_s=timeout_s, waiting=announcer.waiting):
        # Asked again under the lock: another start may have fetched it meanwhile.
        missing = [component for component in components if not component.is_ready(thorough=thorough)]
        _fetch_side_by_side(missing, announcer, timeout_s)


def _fetch_side_by_side(missing: Sequence[Component], progress: Progress, timeout_s: float) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(max(1, len(missing))) as pool:
        try:
            for done in as_completed([pool.submit(_fetch, c, progress, timeout_s, stop) for c in missing]):
                done.result()
        except BaseException:  # one failed, or Ctrl-C: the others end now rather than when they are complete
            stop.set()
            raise


def _fetch(component: Component, progress: Progress, timeout_s: float, stop: threading.Event) -> None:
    run(component.download(), progress, timeout_s=timeout_s, cancelled=stop.is_set)
    component.install()
    progress.finish(component.name, "verified")

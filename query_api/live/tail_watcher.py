"""A watcher: what one open GET /log/tail has been given and has still to be told, bounded however slow it is."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from query_api import metrics
from query_api.filtering.filters import Filters
from query_api.filtering.matching import matches
from query_api.live.tail_events import Entry, Notice
from query_api.settings import Settings


@dataclass(slots=True, eq=False)
class Watcher:
    """filters     with the scope of its key
    positions   of each partition the next offset that it has not been sent; starts where its live part does
    """

    filters: Filters
    positions: dict[int, int]
    settings: Settings
    _waiting: deque[Entry | Notice] = field(default_factory=deque)
    _bytes: int = 0
    _missed: int = 0
    _ended: bool = False
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, entry: Entry) -> None:
        """For it, if its filters say so; only counted when too much waits already."""
        if not matches(self.filters, entry.record):
            return
        full = len(self._waiting) >= self.settings.tail_queue_records
        if self._missed or full or self._bytes + entry.size > self.settings.tail_queue_bytes:
            self._missed += 1
            metrics.TAIL_MISSED.labels("slow").inc()
            self._arrived.set()  # one that is larger than all that may wait comes alone
            return
        self._waiting.append(entry)
        self._bytes += entry.size
        self._arrived.set()

    def tell(self, notice: Notice) -> None:
        if len(self._waiting) < 2 * self.settings.tail_queue_records:  # notices are few, but bounded like all
            self._waiting.append(notice)
            self._arrived.set()

    def end(self) -> None:
        """Nothing more comes: the service stops."""
        self._ended = True
        self._arrived.set()

    @property
    def ended(self) -> bool:
        return self._ended

    async def take(self, timeout_s: float) -> Sequence[Entry | Notice]:
        """All that waits, in order, and how many were missed after that; nothing after the timeout, or at the end."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return ()
        taken = list(self._waiting)
        if self._missed:
            taken.append(Notice("missed", {"count": self._missed}))
        self._waiting.clear()
        self._bytes = self._missed = 0
        if not self._ended:
            self._arrived.clear()
        return taken

    def at(self, live: Mapping[int, int]) -> Mapping[int, int]:
        """Its positions on a quiet stream: those of the tail, when nothing waits."""
        if not self._waiting:
            self.positions = dict(live)
        return self.positions

    def sent(self, entry: Entry) -> Mapping[int, int]:
        """Its positions after the entry."""
        self.positions[entry.partition] = entry.offset + 1
        return self.positions

"""The extent: how many rows the table holds per month, kept for some seconds."""

import asyncio
import time

import msgspec

from query_api import sql
from query_api.deadline import Deadline
from query_api.store import Store
from query_api.windows import Extent, Month

_decoder = msgspec.json.Decoder(tuple[int, int, int])


class Extents:
    """Reads the extent when the known one is older than max_age_s seconds; one reader at a time."""

    def __init__(self, store: Store, *, max_age_s: float) -> None:
        self._store = store
        self._max_age_s = max_age_s
        self._reading = asyncio.Lock()
        self._known: Extent = ()
        self._fresh_until = 0.0

    async def current(self, deadline: Deadline) -> Extent:
        """Newest month first; raises StoreError."""
        if time.monotonic() >= self._fresh_until:
            async with self._reading:
                if time.monotonic() >= self._fresh_until:
                    await self._read(deadline)
        return self._known

    async def _read(self, deadline: Deadline) -> None:
        body = await self._store.fetch(sql.extent(), timeout_s=deadline.remaining_s())
        self._known = [Month(*month) for month in _decoder.decode_lines(body)]
        self._fresh_until = time.monotonic() + self._max_age_s

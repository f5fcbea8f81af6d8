"""The extent: how many rows the table holds per month, kept for some seconds."""

import asyncio
import time

from query_api.paging import sql
from query_api.paging.windows import Extent, Month
from query_api.store import Store, result_decoder
from query_api.work import Work

_decoder = result_decoder(tuple[int, int, int])


class Extents:
    """Reads the extent when the known one is older than max_age_s seconds; whoever comes meanwhile awaits that read."""

    def __init__(self, store: Store, *, max_age_s: float) -> None:
        self._store = store
        self._max_age_s = max_age_s
        self._reading: asyncio.Task[None] | None = None
        self._known: Extent = ()
        self._fresh_until = 0.0

    async def current(self, work: Work) -> Extent:
        """Newest month first; raises StoreError."""
        if time.monotonic() >= self._fresh_until:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(work))
                self._reading.add_done_callback(_retrieve)
            await asyncio.shield(self._reading)  # who leaves must not end it for the others
        return self._known

    async def _read(self, work: Work) -> None:
        self._known = [Month(*month) for month in await self._store.fetch(sql.extent(), work, _decoder)]
        self._fresh_until = time.monotonic() + self._max_age_s


def _retrieve(reading: asyncio.Task[None]) -> None:
    """Take the error, so that asyncio does not complain of it when all who awaited it have left."""
    if not reading.cancelled():
        reading.exception()

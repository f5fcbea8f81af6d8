"""Turns: how many requests may query ClickHouse at one time; the rest waits shortly, then is sent away."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from prometheus_client import Gauge

from query_api import metrics
from query_api.errors import Overloaded


class Turns:
    """``async with turns.taken():`` holds one of ``most`` turns; raises Overloaded when none comes free in time.

    waiting     requests that may wait at one time
    max_wait_s  seconds each of them may
    held        tells how many turns are taken
    queued      tells how many requests wait
    """

    def __init__(
        self,
        most: int,
        *,
        waiting: int,
        max_wait_s: float,
        held: Gauge = metrics.REQUESTS_QUERYING,
        queued: Gauge = metrics.REQUESTS_WAITING,
    ) -> None:
        self._free = asyncio.Semaphore(most)
        self._waiting_most = waiting
        self._max_wait_s = max_wait_s
        self._waiting = 0
        self._held = held
        self._queued = queued

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        await self._take()
        self._held.inc()
        try:
            yield
        finally:
            self._held.dec()
            self._free.release()

    async def _take(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        if self._waiting >= self._waiting_most:
            raise Overloaded("too many requests are waiting for their turn")
        self._waiting += 1
        self._queued.inc()
        try:
            async with asyncio.timeout(self._max_wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise Overloaded(f"no turn came free within {self._max_wait_s:g} s") from error
        finally:
            self._waiting -= 1
            self._queued.dec()

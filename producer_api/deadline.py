"""Bounds on the time that a block of code may take, or a future."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Any


class Deadline:
    """``with Deadline(loop, seconds):`` raises TimeoutError when the block is not done by then.

    What asyncio.timeout does, for a loop that is known: before Python 3.12 each look-up of the running loop is a system
    call, and asyncio.timeout makes three of them, a tenth of the CPU time of a small request.
    """

    __slots__ = ("_delay_s", "_expired", "_loop", "_task", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101 - the caller awaits inside
        self._task = task
        self._timer = self._loop.call_later(self._delay_s, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Cancelled by somebody else as well: then it stays a cancellation.
        if self._expired and self._task.uncancel() <= 0 and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()


class Deadlines:
    """Cancels each future that is not done ``delay_s`` seconds after it was added.

    With one timer for all: the bound is the same for all, so the first added is the first due. A timer of the loop for
    each was 2 % of the CPU time of a small request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, future: asyncio.Future[Any]) -> None:
        """Bound the future, from now on."""
        self._forget_done()
        self._waiting.append((self._loop.time() + self._delay_s, future))
        if self._timer is None:
            self._timer = self._loop.call_at(self._waiting[0][0], self._expire)

    def _forget_done(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0][1].done():
            waiting.popleft()

    def _expire(self) -> None:
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1].cancel()
        self._forget_done()
        self._timer = self._loop.call_at(self._waiting[0][0], self._expire) if self._waiting else None

"""A bound on the time that a block of code may take."""

import asyncio
from types import TracebackType


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

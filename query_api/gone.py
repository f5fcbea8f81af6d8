"""A client that leaves: its work is cancelled, so that ClickHouse stops as well."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


class ClientGone(Exception):  # noqa: N818 - nobody is left to be told of an error
    """The client closed the connection before its answer was ready."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; cancels it and raises ClientGone when the client leaves first.

    The work goes on in the caller's own task, as under asyncio.timeout: one more task for it cost 14 µs.
    """
    leaving = _Leaving()
    watching = asyncio.create_task(leaving.watch(request))
    try:
        return await work
    except asyncio.CancelledError:
        if leaving.has_cancelled():
            raise ClientGone from None
        raise
    finally:
        watching.cancel()


class _Leaving:
    """Cancels the task that it was made in when the client leaves."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - requests are answered in tasks
        self._task = task
        self._has_left = False

    async def watch(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass  # a GET's body is nothing to us
        self._has_left = True
        self._task.cancel()

    def has_cancelled(self) -> bool:
        """Whether this, and nobody else, has cancelled the task; takes it back."""
        return self._has_left and self._task.uncancel() == 0

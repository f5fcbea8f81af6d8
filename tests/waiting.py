"""Waiting for a condition, with a deadline: tests never sleep for a fixed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_POLL_S = 0.02


def wait_until(condition: Callable[[], bool], deadline_s: float, message: str) -> None:
    """Return once ``condition()`` is true. Fails with ``message`` when it is not within ``deadline_s`` seconds."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {message}")
        time.sleep(_POLL_S)


async def wait_until_async(condition: Callable[[], Awaitable[bool]], deadline_s: float, message: str) -> None:
    """As ``wait_until``, for a condition that is awaited. The deadline also ends a condition that hangs."""
    try:
        async with asyncio.timeout(deadline_s):
            while not await condition():  # noqa: ASYNC110 - the condition is another process's
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s} s: {message}") from None

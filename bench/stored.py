"""Waits until what was accepted is stored."""

import asyncio
import time
from typing import Final

from bench.stack import Stack

_POLL_S: Final = 0.1
_STALLED_S: Final = 30.0


async def until_stored(stack: Stack, expected: int) -> tuple[int, float]:
    """The table's rows, and the moment (monotonic) at which the last of them was counted.

    Returns as soon as there are ``expected`` (or more), or when no more have come for 30 s. Raises OSError.
    """
    rows, changed_s = -1, time.monotonic()
    while rows < expected and time.monotonic() - changed_s < _STALLED_S:
        if rows >= 0:
            await asyncio.sleep(_POLL_S)
        now = await asyncio.to_thread(stack.stored_actions)
        if now != rows:
            rows, changed_s = now, time.monotonic()
    return rows, changed_s

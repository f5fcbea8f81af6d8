"""An open loop: requests leave on schedule whatever the service does, so a slow answer can't hide the next ones."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

Send = Callable[[int, float], Coroutine[Any, Any, None]]

_MAX_UNANSWERED: Final = 500


class FallenBehindError(Exception):
    """The service answers more slowly than requests are due: there is no steady state to measure."""


@dataclass(frozen=True)
class Pace:
    """How much is sent, and for how long."""

    requests_per_s: float
    actions_per_request: int
    seconds: float

    @property
    def requests(self) -> int:
        return round(self.requests_per_s * self.seconds)

    @property
    def actions(self) -> int:
        return self.requests * self.actions_per_request


async def keep(pace: Pace, send: Send) -> float:
    """Call ``send(n, due_s)`` for each request at the moment it is due (monotonic), and wait for all of them.

    Returns the milliseconds that the latest start was behind its schedule: the generator's own fault.
    Raises FallenBehindError, and what ``send`` raises.
    """
    began_s, late_s = time.monotonic(), 0.0
    under_way: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:
        for n in range(pace.requests):
            due_s = began_s + n / pace.requests_per_s
            await asyncio.sleep(due_s - time.monotonic())
            late_s = max(late_s, time.monotonic() - due_s)
            if len(under_way) >= _MAX_UNANSWERED:
                raise FallenBehindError(f"{len(under_way)} requests are unanswered")
            task = group.create_task(send(n, due_s))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    return late_s * 1000

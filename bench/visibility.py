"""Follows requests from their acknowledgement until GET /log shows all of their actions."""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from bench import actions
from bench.client import Address, Pool
from bench.http_answer import Answer

_DEADLINE_S: Final = 30.0


class NeverVisibleError(Exception):
    """Acknowledged actions did not appear in GET /log within the deadline."""


class _Page(msgspec.Struct):
    actions: Sequence[msgspec.Raw]


_decode = msgspec.json.Decoder(_Page).decode


class Prober:
    """Polls for at most ``most`` requests at a time; each poll begins ``poll_ms`` after the one before, or later.

    visible_ms  acknowledged to visible, per followed request; an upper bound, by up to the gap between two polls
    gaps_ms     between the ends of two polls of one request: the resolution
    skipped     requests that were to be followed when ``most`` already were
    busy        polls that the service turned away
    """

    def __init__(self, query: Address, *, most: int, poll_ms: float) -> None:
        self._address = query
        self._pool = Pool(query, most)
        self._most = most
        self._poll_s = poll_ms / 1000
        self._following = 0
        self.visible_ms: list[float] = []
        self.gaps_ms: list[float] = []
        self.skipped = 0
        self.busy = 0

    async def follow(self, user_id: str, count: int, acknowledged_s: float) -> None:
        """Until all ``count`` actions of the user are shown. Raises NeverVisibleError, OSError."""
        if self._following >= self._most:
            self.skipped += 1
            return
        self._following += 1
        try:
            self.visible_ms.append((await self._poll(user_id, count, acknowledged_s) - acknowledged_s) * 1000)
        finally:
            self._following -= 1

    def close(self) -> None:
        self._pool.close()

    async def _poll(self, user_id: str, count: int, began_s: float) -> float:
        """The moment at which the first answer with all actions had arrived."""
        message = actions.get(self._address, user_id)
        previous_s = None
        while True:
            sent_s = time.monotonic()
            answer, arrived_s = await self._pool.request(message)
            if previous_s is not None:
                self.gaps_ms.append((arrived_s - previous_s) * 1000)
            if self._shown(answer) >= count:
                return arrived_s
            if arrived_s - began_s > _DEADLINE_S:
                raise NeverVisibleError(f"{user_id}: not {count} actions {_DEADLINE_S:g} s after their acknowledgement")
            previous_s = arrived_s
            await asyncio.sleep(sent_s + self._poll_s - time.monotonic())

    def _shown(self, answer: Answer) -> int:
        if answer.status == HTTPStatus.OK:
            return len(_decode(answer.body).actions)
        self.busy += 1
        return 0

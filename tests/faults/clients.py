"""Clients of ``POST /log`` that repeat what was not acknowledged, unchanged and under the same ids."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
from uuid_utils import uuid7

_ACTIONS = 5
_TIMEOUT_S = 10.0
_PAUSE_S = 0.2


class Clients:
    """Some clients, each posting one request after another, until ``stop()``.

    sent          ids of every action that was in a request
    acknowledged  ids whose request was answered 200
    repeats       requests sent again
    """

    def __init__(self, url: Callable[[], str], count: int, pause_s: float = _PAUSE_S) -> None:
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()
        self.repeats = 0
        self._url = url
        self._count = count
        self._pause_s = pause_s
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="clients", daemon=True)

    def start(self) -> "Clients":
        self._thread.start()
        return self

    def stop(self) -> None:
        """End them; raises what ended one before its time."""
        self._stopping.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._post_all())
        except BaseException as error:  # noqa: BLE001 - told by stop(), in the test's own thread
            self._error = error

    async def _post_all(self) -> None:
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
            await asyncio.gather(*(self._post(client, f"client-{number}") for number in range(self._count)))

    async def _post(self, client: httpx.AsyncClient, user_id: str) -> None:
        while not self._stopping.is_set():
            ids = [str(uuid7()) for _ in range(_ACTIONS)]
            self.sent.update(ids)
            while not await self._is_acknowledged(client, _envelope(user_id, ids)) and not self._stopping.is_set():
                self.repeats += 1
                await asyncio.sleep(self._pause_s)
            await asyncio.sleep(self._pause_s)

    async def _is_acknowledged(self, client: httpx.AsyncClient, envelope: dict[str, Any]) -> bool:
        try:
            answer = await client.post(f"{self._url()}/log", json=envelope)
        except httpx.TransportError:
            return False
        if answer.status_code == httpx.codes.OK:
            accepted = answer.json()
            assert accepted["accepted"] == _ACTIONS, answer.text
            self.acknowledged.update(accepted["ids"])
            return True
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
        return False


def _envelope(user_id: str, ids: list[str]) -> dict[str, Any]:
    action = {"time": "2020-02-29T23:59:59.999999+14:00", "type": "CLICK", "properties": {"a": 1}}
    return {"userId": user_id, "sessionId": "session", "actions": [{**action, "id": event_id} for event_id in ids]}

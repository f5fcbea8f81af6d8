"""A client that leaves ends the work for it; whoever else cancels the request is not taken for one."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from query_api.gone import ClientGone, unless_gone


class Client:
    """A request's other end."""

    def __init__(self) -> None:
        self.leaving = asyncio.Event()
        self.request = Request({"type": "http"}, self._receive)
        self._has_sent = False

    async def _receive(self) -> dict[str, Any]:
        if not self._has_sent:
            self._has_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leaving.wait()
        return {"type": "http.disconnect"}


class Work:
    """Goes on until it is told to end, or cancelled."""

    def __init__(self) -> None:
        self.begun, self.end, self.cancelled = asyncio.Event(), asyncio.Event(), False

    async def do(self) -> str:
        self.begun.set()
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "done"


async def test_a_client_that_leaves_ends_the_work_and_the_request_can_go_on() -> None:
    client, work = Client(), Work()

    async def request() -> str:
        with pytest.raises(ClientGone):
            await unless_gone(client.request, work.do())
        await asyncio.sleep(0)  # the cancellation has been taken back: this is not cancelled
        return "answered"

    answering = asyncio.create_task(request())
    await work.begun.wait()
    client.leaving.set()
    assert await answering == "answered"
    assert work.cancelled
    assert answering.cancelling() == 0


async def test_a_client_that_stays_gets_the_result_and_is_not_watched_any_longer() -> None:
    client, work = Client(), Work()
    before = asyncio.all_tasks()
    work.end.set()
    assert await unless_gone(client.request, work.do()) == "done"
    await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)
    client.leaving.set()
    assert asyncio.all_tasks() == before


async def test_an_error_of_the_work_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await unless_gone(Client().request, fail())


async def test_who_is_cancelled_by_others_is_cancelled_also_when_the_client_leaves_meanwhile() -> None:
    for leaves in (False, True):
        client, work = Client(), Work()
        answering = asyncio.create_task(unless_gone(client.request, work.do()))
        await work.begun.wait()
        if leaves:
            client.leaving.set()
        answering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answering
        assert work.cancelled

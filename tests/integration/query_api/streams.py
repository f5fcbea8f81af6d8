"""The service on a port, and a reader of server-sent events as the standard has it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kit import server
from query_api.app import create_app
from query_api.settings import Settings
from tests.integration.query_api import live
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.waiting import wait_until_async

_DEADLINE_S = 20.0


@dataclass(frozen=True)
class Event:
    """``name`` is "message" where the stream names none, "" where only an id came."""

    name: str
    data: Any
    id: str


class Events:
    """The events of one open stream."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.aiter_lines()

    async def next(self, wanted: Callable[[Event], bool] = lambda event: bool(event.name)) -> Event:
        """The next event that is wanted, by default any that fires; fails when none comes in time."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while True:
                    event = await self._event()
                    if wanted(event):
                        return event
        except TimeoutError:
            raise AssertionError("no event in time") from None

    async def actions(self, count: int) -> list[dict[str, Any]]:
        events = [await self.next() for _ in range(count)]
        assert {event.name for event in events} == {"message"}, events
        return [event.data for event in events]

    async def rest(self) -> list[Event]:
        """All until the stream ends."""
        events = []
        async with asyncio.timeout(_DEADLINE_S):
            with contextlib.suppress(StopAsyncIteration):
                while True:
                    events.append(await self._event())
        return events

    async def _event(self) -> Event:
        name, data = "", []
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
            elif field == "id":
                self.last_id = value
            elif not line:
                read = json.loads("\n".join(data)) if data else None
                return Event(name or ("message" if data else ""), read, self.last_id)
        raise StopAsyncIteration


@contextlib.asynccontextmanager
async def watching(
    client: httpx.AsyncClient, query: Mapping[str, str] | None = None, last_id: str | None = None
) -> AsyncIterator[Events]:
    """An open stream; returns once it is live or catching up."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with client.stream("GET", "/log/tail", params=query or {}, headers=headers) as answer:
        if answer.status_code != 200:
            await answer.aread()
        yield Events(answer)


@contextlib.asynccontextmanager
async def serving(namespace: Namespace, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The service in this process, on a port: clients that stay and leave are real."""
    environment = namespace.environment("query_api")
    connection = {name.removeprefix("QUERY_").lower(): value for name, value in environment.items()}
    patient = {"kafka_request_timeout_ms": live.KAFKA_REQUEST_TIMEOUT_MS}
    own = Settings.model_validate({"extent_max_age_ms": 0, "drain_idle_s": 0, **patient, **connection, **settings})
    app = create_app(own)
    listening = server.build(app, own.model_copy(update={"port": free_ports(1)[0]}))
    task = asyncio.create_task(listening.serve())
    try:
        base_url = f"http://127.0.0.1:{listening.config.port}"
        async with httpx.AsyncClient(base_url=base_url, timeout=30) as client:
            await wait_until_async(lambda: _is_alive(client), _DEADLINE_S, "the service listens")
            yield client
    finally:
        app.state.end_streams()
        listening.should_exit = True
        await task


async def _is_alive(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/livez")).status_code == 200
    except httpx.TransportError:
        return False


async def metric(client: httpx.AsyncClient, name: str) -> float:
    """The sum of a metric's samples."""
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

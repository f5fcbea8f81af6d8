"""What the demo does when a producer is busy, and when the past is there already."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from deploy.demo.past import missing_s
from deploy.demo.sending import Sender
from tests.integration.query_api.actions import Stored, insert
from tests.namespace import Namespace
from tests.stack import StartService


@pytest.fixture
async def busy() -> AsyncIterator[tuple[str, list[Any]]]:
    """A producer that accepts the second time; its URL, and the bodies that it got."""
    bodies: list[Any] = []

    async def log(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        if len(bodies) == 1:
            return web.json_response({"detail": "busy"}, status=503)
        return web.json_response({"accepted": 1, "rejected": [{}]})

    app = web.Application()
    app.router.add_post("/log", log)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", bodies
    await runner.cleanup()


async def test_a_refused_request_is_sent_again_as_it_was(busy: tuple[str, list[Any]]) -> None:
    url, bodies = busy
    actions = [{"id": str(uuid.uuid4()), "time": "2026-01-01T00:00:00Z", "type": "VIEW"} for _ in range(2)]
    async with Sender(url, None) as sender:
        await sender.send([{"userId": "u", "sessionId": "s", "actions": actions}, {"actions": []}])
    assert (sender.sent.accepted, sender.sent.refused, sender.sent.given_up) == (1, 1, 0)
    assert bodies[0] == bodies[1] == [{"userId": "u", "sessionId": "s", "actions": actions}]
    assert sender.trouble is None


async def test_a_past_that_is_there_is_not_made_again(namespace: Namespace, start_service: StartService) -> None:
    query, now = start_service("query_api", EXTENT_MAX_AGE_MS="0"), datetime.now(UTC)
    rate, seconds = 0.05, 3_600.0

    async def missing(url: str) -> float:
        return await missing_s(url, seconds, rate, now.timestamp())

    assert await missing(query.url) == seconds
    insert(namespace, [Stored(uuid.uuid4(), "u", "VIEW", now - timedelta(seconds=1))])
    assert await missing(query.url) == seconds, "somebody has tried a POST"
    insert(namespace, [Stored(uuid.uuid4(), "u", "VIEW", now - timedelta(seconds=100 + n)) for n in range(20)])
    assert await missing(query.url) == pytest.approx(1, abs=0.01)
    assert await missing("http://127.0.0.1:1") == seconds

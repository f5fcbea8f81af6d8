import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from kit import health


async def get(path: str, **checks: health.Check) -> httpx.Response:
    app = Starlette(routes=health.routes(checks))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        return await client.get(path)


async def well() -> str | None:
    return None


async def away() -> str | None:
    return "the database is away: start it"


async def test_ready_is_what_every_check_says() -> None:
    answer = await get("/readyz", database=well, broker=well)
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "checks": {"database": "ok", "broker": "ok"}},
    )


async def test_one_failing_check_makes_it_unready_and_is_named_with_its_reason() -> None:
    answer = await get("/readyz", database=away, broker=well)
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "the database is away: start it", "broker": "ok"}


async def test_a_check_that_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> str | None:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(health, "_CHECK_TIMEOUT_S", 0.01)
    answer = await get("/readyz", database=hang)
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "no answer within 0.01 s")


async def test_alive_asks_no_dependency() -> None:
    async def never() -> str | None:
        raise AssertionError("a liveness probe must not ask a dependency")

    assert (await get("/livez", database=never)).status_code == 200


async def test_metrics_are_prometheus_text() -> None:
    answer = await get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "python_info" in answer.text

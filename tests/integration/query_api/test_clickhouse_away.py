"""ClickHouse away, silent, or without the tables: the service says so in bounded time and recovers by itself."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests import namespace as names
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.paging import answer
from tests.namespace import Namespace
from tests.relay import relay
from tests.stack import StartService
from tests.waiting import wait_until_async

PROBLEM = "application/problem+json"


async def unavailable(client: httpx.AsyncClient) -> str:
    """The detail of the 503 that GET /log must answer now."""
    response = await client.get("/log")
    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == PROBLEM
    assert int(response.headers["retry-after"]) >= 1
    return str(response.json()["detail"])


async def reads(client: httpx.AsyncClient) -> bool:
    return (await client.get("/log")).status_code == 200


async def ready(client: httpx.AsyncClient) -> bool:
    """A check may take a second: one that took longer is asked again."""
    return (await client.get("/readyz")).status_code == 200


async def test_the_service_starts_without_clickhouse_and_recovers_by_itself(
    namespace: Namespace, start_service: StartService, free_port: Callable[[], int]
) -> None:
    async with relay(namespace.infra.clickhouse_url, free_port(), connected=False) as clickhouse:
        service = start_service("query_api", wait=False, CLICKHOUSE_URL=clickhouse.url, RECONNECT_PAUSE_MS="50")
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
            await wait_until_async(lambda: _alive(client), 30, "alive")
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert "cannot be reached" in answer.json()["checks"]["clickhouse"]
            assert "ClickHouse cannot be reached" in await unavailable(client)
            await clickhouse.connect()
            await wait_until_async(lambda: reads(client), 20, "reads again")
            await wait_until_async(lambda: ready(client), 20, "ready again")
            await clickhouse.cut()
            assert "ClickHouse cannot be reached" in await unavailable(client)
            assert (await client.get("/livez")).status_code == 200
            await clickhouse.connect()
            await wait_until_async(lambda: reads(client), 20, "reads again")
        assert service.terminate() == 0


async def _alive(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/livez")).status_code == 200
    except httpx.TransportError:
        return False


async def test_a_silent_clickhouse_is_given_up_in_bounded_time(
    namespace: Namespace, serve: Serve, free_port: Callable[[], int]
) -> None:
    async with relay(namespace.infra.clickhouse_url, free_port()) as clickhouse:
        settings = {"clickhouse_url": clickhouse.url, "query_timeout_ms": 1_000, "clickhouse_connect_timeout_s": 1.0}
        async with serve(**settings) as client:
            clickhouse.silent = True
            assert "does not answer" in await unavailable(client)
            clickhouse.silent = False
            await wait_until_async(lambda: reads(client), 20, "reads again")
            await clickhouse.cut()
            clickhouse.silent = True
            await clickhouse.connect()
            async with asyncio.timeout(30):
                assert "gave no answer in time" in await unavailable(client)


async def test_many_requests_make_one_connection_attempt(
    namespace: Namespace, serve: Serve, free_port: Callable[[], int]
) -> None:
    async with relay(namespace.infra.clickhouse_url, free_port()) as clickhouse:
        clickhouse.silent = True
        settings = {"clickhouse_url": clickhouse.url, "clickhouse_connect_timeout_s": 0.2, "reconnect_pause_ms": 60_000}
        # Without the one that erases, which connects by itself.
        async with serve(**settings, max_concurrent_queries=20, eraser_password=None) as client:
            details = await asyncio.gather(*(unavailable(client) for _ in range(20)))
            assert set(details) == {"ClickHouse does not answer."}
            assert clickhouse.accepted == 1


async def test_connections_that_ended_while_nobody_asked_are_no_errors(
    namespace: Namespace, serve: Serve, free_port: Callable[[], int]
) -> None:
    async with (
        relay(namespace.infra.clickhouse_url, free_port()) as clickhouse,
        serve(clickhouse_url=clickhouse.url) as client,
    ):
        for _ in range(3):
            answers = await asyncio.gather(*(client.get("/log") for _ in range(5)))
            assert [response.status_code for response in answers] == [200] * 5
            await clickhouse.hang_up()


async def test_a_wrong_password_is_said_without_showing_it(namespace: Namespace, serve: Serve) -> None:
    async with serve(clickhouse_password="not-the-password") as client:
        detail = await unavailable(client)
    assert "refuses the user actionlog_reader" in detail
    assert "not-the-password" not in detail


@pytest.mark.parametrize("database_exists", [False, True])
async def test_missing_tables_are_said_with_what_to_run(
    empty_namespace: Namespace, serve: Serve, database_exists: bool
) -> None:
    if database_exists:
        empty_namespace.query("CREATE DATABASE {db}")
    said = f"able {empty_namespace.database}.actions does not exist: run python -m deploy.setup"
    async with serve(reconnect_pause_ms=0) as client:
        assert said in await unavailable(client)

        async def is_said() -> bool:
            checked = await client.get("/readyz")
            assert checked.status_code == 503
            return said in checked.json()["checks"]["clickhouse"]

        await wait_until_async(is_said, 20, "the check says what to run")
        names.create(empty_namespace, 1)
        assert await answer(client, {}) == {"actions": [], "next": None}
        await wait_until_async(lambda: ready(client), 20, "ready")


async def test_a_missing_column_is_said_with_what_to_run(namespace: Namespace, serve: Serve) -> None:
    namespace.query("ALTER TABLE {db}.actions DROP COLUMN utc_offset_minutes")
    async with serve() as client:
        detail = await unavailable(client)
        assert "actions lacks the column utc_offset_minutes: run python -m deploy.setup" in detail
        assert (await client.get("/readyz")).status_code == 503

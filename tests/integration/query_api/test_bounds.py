"""Time, memory and concurrency are bounded, and each bound answers with what to do."""

import asyncio
import socket

import httpx
import pytest

from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace
from tests.stack import StartService
from tests.waiting import wait_until_async

ROWS = 29
SECONDS = 2.9  # to read the slow table; ClickHouse lets one block sleep for 3


SLOW_TABLE = f"""
CREATE TABLE {{db}}.actions
(
    event_id UUID, user_id String, session_id String, type String, time DateTime64(6, 'UTC'), utc_offset_minutes Int16,
    received_at DateTime64(6, 'UTC'),
    hour Int64 ALIAS intDiv(toUnixTimestamp64Micro(time), 3600000000),
    properties String ALIAS if(sleepEachRow({SECONDS / ROWS}) = 0, '{{{{}}}}', '')
)
ENGINE = ReplacingMergeTree ORDER BY (time, event_id)
"""
FILL = "INSERT INTO {{db}}.actions (event_id, time) SELECT generateUUIDv4(), '2020-01-01 00:00:00' FROM numbers({rows})"


@pytest.fixture
def slow(empty_namespace: Namespace) -> Namespace:
    """A table of actions whose reading takes a while: its properties are made by sleeping."""
    empty_namespace.query("CREATE DATABASE {db}")
    empty_namespace.query(SLOW_TABLE.replace("{{}}", "{}"))
    empty_namespace.query(FILL.format(rows=ROWS))
    return empty_namespace


def running(namespace: Namespace) -> int:
    """Queries of the service that ClickHouse runs now in this namespace."""
    return int(
        namespace.query(
            "SELECT count() FROM system.processes WHERE user = 'actionlog_reader' AND current_database = '{db}'"
        )
    )


async def is_running(namespace: Namespace, expected: bool) -> bool:
    return (await asyncio.to_thread(running, namespace) > 0) == expected


async def test_a_query_over_its_time_is_ended_with_what_to_do(slow: Namespace, serve: Serve) -> None:
    # ClickHouse looks at its clock after each second of sleep, and is given up a second after its time: it has 0.9 s.
    async with serve(query_timeout_ms=900) as client:
        response = await client.get("/log")
    assert response.status_code == 504
    assert response.json()["code"] == "query-too-slow"
    assert "shorter time range" in response.json()["detail"]
    await wait_until_async(lambda: is_running(slow, False), 10, "the query ended in ClickHouse")


async def test_an_export_over_its_time_is_ended_with_what_to_do(slow: Namespace, serve: Serve) -> None:
    async with serve(export_timeout_ms=900, query_timeout_ms=30_000) as client:
        response = await client.get("/log?format=csv")
    assert response.status_code == 504
    assert response.json()["code"] == "query-too-slow"
    await wait_until_async(lambda: is_running(slow, False), 10, "the export ended in ClickHouse")


async def test_a_request_beyond_the_concurrent_ones_is_sent_away(slow: Namespace, serve: Serve) -> None:
    async with serve(max_concurrent_queries=1, max_waiting_requests=1, max_wait_ms=50) as client:
        first = asyncio.create_task(client.get("/log"))
        await wait_until_async(lambda: is_running(slow, True), 20, "the first runs")
        others = await asyncio.gather(*(client.get("/log") for _ in range(3)))
        assert (await first).status_code == 200
    for response in others:
        assert response.status_code == 503
        assert response.json()["code"] == "overloaded"
        assert response.headers["retry-after"] == "1"


async def test_a_query_over_its_memory_is_ended_with_what_to_do(namespace: Namespace, serve: Serve) -> None:
    namespace.query(
        "INSERT INTO {db}.actions (event_id, time, properties) SELECT generateUUIDv4(), '2020-01-01 00:00:00',"
        " concat('{\"a\":\"', hex(randomString(15000)), '\"}') FROM numbers(2000)",
        "writer",
    )
    async with serve(query_memory_bytes=10_000_000) as client:
        response = await client.get("/log?limit=1000")
    assert response.status_code == 503
    assert response.json()["code"] == "query-too-large"
    assert "retry-after" in response.headers


async def test_a_client_that_leaves_takes_its_query_with_it(slow: Namespace, start_service: StartService) -> None:
    service = start_service("query_api")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"GET /log HTTP/1.1\r\nHost: x\r\n\r\n")
        await wait_until_async(lambda: is_running(slow, True), 20, "the query runs")
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:

        async def is_counted() -> bool:
            metrics = (await client.get("/metrics")).text
            return (
                'actionlog_query_requests_total{route="/log",status="499"} 1.0' in metrics
                and "actionlog_query_requests_querying 0.0" in metrics
            )

        await wait_until_async(is_counted, 10, "the client is known to have left")
    await wait_until_async(lambda: is_running(slow, False), 10, "the query ended with its client")


async def test_a_request_in_flight_is_answered_before_the_service_stops(
    slow: Namespace, start_service: StartService
) -> None:
    service = start_service("query_api")
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        reading = asyncio.create_task(client.get("/log"))
        await wait_until_async(lambda: is_running(slow, True), 20, "the query runs")
        code = await asyncio.to_thread(service.terminate)
        assert (await reading).status_code == 200
    assert code == 0


async def test_a_dry_run_tells_the_estimate_also_beyond_the_bound(namespace: Namespace, serve: Serve) -> None:
    namespace.query(
        "INSERT INTO {db}.actions (event_id, time, type)"
        " SELECT generateUUIDv4(), '2020-01-01 00:00:00', 'A' FROM numbers(5)",
        "writer",
    )
    async with serve(max_rows_to_read=1) as client:
        refused = await client.get("/log/counts?groupBy=type")
        told = await client.get("/log/counts?groupBy=type&dryRun=true")
    assert (refused.status_code, refused.json()["code"]) == (400, "too-many-rows")
    assert told.json()["estimate"]["rows"] == 5

"""What the queries cost ClickHouse: the key is used, and the steering counts come from metadata."""

import httpx
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient

import kit.clickhouse
from query_api.filtering.filters import Filters
from query_api.paging import sql
from query_api.paging.windows import Window
from query_api.query import Query
from query_api.settings import Settings
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace

HOUR_US = 3_600_000_000


@pytest.fixture
def filled(namespace: Namespace) -> Namespace:
    """100,000 actions over ten days of January 2024, in one part."""
    namespace.query(
        "INSERT INTO {db}.actions (event_id, user_id, type, time, properties) SELECT generateUUIDv4(), 'u', 'CLICK',"
        " toDateTime64('2024-01-01 00:00:00', 6, 'UTC') + number * 8.64, '{}' FROM numbers(100000)",
        "writer",
    )
    return namespace


async def explained(namespace: Namespace, query: Query) -> str:
    environment = namespace.environment("query_api")
    settings = Settings.model_validate({name.removeprefix("QUERY_").lower(): v for name, v in environment.items()})
    client: AsyncClient = await kit.clickhouse.connect(settings, answer_timeout_s=10)
    try:
        text = query.text.removesuffix("FORMAT JSONCompactEachRowWithNames")
        return (await client.raw_query(f"EXPLAIN indexes = 1 {text}", dict(query.parameters))).decode()
    finally:
        await client.close()


async def test_a_window_reads_only_the_granules_of_its_hours(filled: Namespace) -> None:
    start_us = 1_704_067_200_000_000 + 100 * HOUR_US
    plan = await explained(filled, sql.page(Filters(), Window(start_us, start_us + 5 * HOUR_US), None, 101))
    key = plan[plan.index("PrimaryKey") :]
    read, of = key[key.index("Granules: ") + len("Granules: ") :].split("\n")[0].split("/")
    assert int(of) >= 12
    assert int(read) <= 2


async def test_the_rows_per_month_are_answered_from_metadata(filled: Namespace) -> None:
    assert "_minmax_count_projection" in await explained(filled, sql.extent())


async def test_the_newest_page_of_a_large_table_takes_one_window(filled: Namespace, serve: Serve) -> None:
    async with serve() as client:
        before = await windows_read(client)
        assert len((await client.get("/log")).json()["actions"]) == 100
        assert await windows_read(client) - before == 1
        assert (await client.get("/log?userId=nobody")).json()["actions"] == []
        assert await windows_read(client) - before == 3


async def windows_read(client: httpx.AsyncClient) -> int:
    lines = (await client.get("/metrics")).text.splitlines()
    return int(float(next(line for line in lines if line.startswith("actionlog_query_page_windows_sum")).split()[1]))

"""Every read route answers from two shards what it answers from one table that holds the same rows."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests import namespace as names
from tests.infra import Infra
from tests.integration.query_api import counted
from tests.integration.query_api.actions import Stored
from tests.integration.shards.asking import serving
from tests.namespace import Namespace
from tests.shards import ShardedNamespace, Shards, sharded

ACTIONS = 3_000
ON_SHARD = "cityHash64(user_id) % 2 = {shard}"  # a user's records are all in one partition, hence on one shard
SPAN = "startTime=2024-03-01T00:00:00Z&endTime=2025-02-01T00:00:00Z"
FIGURES = (
    "/log/counts",
    f"/log/counts?measure=count,uniqueUsers,uniqueSessions&interval=1w&{SPAN}",
    "/log/counts?groupBy=type&measure=uniqueUsers,count",
    "/log/counts?groupBy=userId&limit=3&measure=count,uniqueSessions",
    f"/log/counts?groupBy=properties.page&groupBy=type&limit=2&interval=1w&{SPAN}",
    "/log/counts?measure=sum,avg,min,max,p50,p95,p99&of=properties.amount&groupBy=type&limit=4",
    "/log/counts?userId=u1&measure=count,p90&of=properties.amount",
    "/log/funnel?step=CLICK&step=VIEW&step=BUY&within=2d",
    f"/log/funnel?step=CLICK&step=VIEW&within=1d&by=sessionId&interval=1w&{SPAN}",
    f"/log/retention?interval=1w&{SPAN}",
    f"/log/retention?start=CLICK&return=BUY&interval=1w&{SPAN}",
)
PAGES = (
    "limit=500",
    "limit=400&order=asc",
    "limit=70&userId=u3",
    "limit=100&type=VIEW&type=BUY&userId[ne]=u1",
    "limit=300&sessionId=s7&startTime=2024-04-01T00:00:00Z",
    "limit=300&properties.amount[gte]=2",
)
EXPORTS = ("format=ndjson", "format=csv&order=asc", "format=ndjson&order=asc&type=CLICK", "format=csv&userId=u2")


@dataclass(frozen=True)
class Both:
    alone: Namespace
    shards: ShardedNamespace
    actions: list[Stored]


@pytest.fixture(scope="module")
def both(infra: Infra, shards: Shards) -> Iterator[Both]:
    """The same rows in one table and on two shards, some of them stored twice."""
    alone, actions = names.new(infra), counted.generated(ACTIONS, seed=7)
    try:
        names.create(alone, partitions=2)
        with sharded(infra, shards, partitions=2) as split:
            counted.insert_with_duplicates(alone, actions, seed=8)
            split.on_each("SYSTEM STOP MERGES {db}.actions")
            for shard in range(2):
                for some in ("1", "cityHash64(event_id) % 3 = 0"):
                    rows = f"SELECT * FROM {{db}}.actions FINAL WHERE {ON_SHARD.format(shard=shard)} AND {some}"
                    lines = alone.query(f"{rows} FORMAT JSONEachRow")
                    split.on(shard, f"INSERT INTO {{db}}.actions FORMAT JSONEachRow\n{lines}", "writer")
            yield Both(alone, split, actions)
    finally:
        names.drop(alone)


async def asked(client: httpx.AsyncClient, url: str) -> httpx.Response:
    response = await client.get(url)
    assert response.status_code == 200, f"{url}: {response.text}"
    return response


@pytest.mark.parametrize("exact_up_to_rows", [5_000_000, 0])
async def test_figures_are_the_same(both: Both, exact_up_to_rows: int) -> None:
    settings = {"exact_up_to_rows": exact_up_to_rows}
    async with serving(both.alone, **settings) as alone, serving(both.shards, **settings) as split:
        for url in FIGURES:
            if not exact_up_to_rows and "p50" in url:
                continue  # quantiles are near the truth on either, and not the same
            expected, answer = (await asked(alone, url)).json(), (await asked(split, url)).json()
            assert answer == expected, url


async def walked(client: httpx.AsyncClient, parameters: str) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        following = f"&cursor={cursor}" if cursor else ""
        page = (await asked(client, f"/log?{parameters}{following}")).json()
        actions += page["actions"]
        cursor = page["next"]
    return actions


@pytest.mark.parametrize("parameters", PAGES)
async def test_pages_are_the_same(both: Both, parameters: str) -> None:
    async with serving(both.alone) as alone, serving(both.shards) as split:
        expected = await walked(alone, parameters)
        assert await walked(split, parameters) == expected
    assert len(expected) > 10
    assert len({action["id"] for action in expected}) == len(expected)


async def test_a_page_in_a_format_is_the_same(both: Both) -> None:
    url = "/log?format=csv&limit=50"
    async with serving(both.alone) as alone, serving(both.shards) as split:
        assert (await asked(split, url)).content == (await asked(alone, url)).content


@pytest.mark.parametrize("parameters", EXPORTS)
async def test_exports_are_the_same(both: Both, parameters: str) -> None:
    async with serving(both.alone) as alone, serving(both.shards) as split:
        expected = (await asked(alone, f"/log?{parameters}")).content
        assert (await asked(split, f"/log?{parameters}")).content == expected
    assert expected.count(b"\n") > 10


async def test_an_action_is_found_by_its_id_on_either_shard(both: Both) -> None:
    def told(response: httpx.Response) -> dict[str, Any]:
        return {name: value for name, value in response.json().items() if name != "watermark"}

    on = [both.shards.on(shard, "SELECT any(event_id) FROM {db}.actions") for shard in range(2)]
    async with serving(both.alone) as alone, serving(both.shards) as split:
        for event_id in on:
            answer = told(await asked(split, f"/log/{event_id}"))
            assert answer == told(await asked(alone, f"/log/{event_id}"))
            assert answer["state"] == "stored"


async def test_the_estimate_is_of_all_shards(both: Both) -> None:
    url = "/log/counts?groupBy=type&dryRun=true"
    async with serving(both.shards) as split:
        estimate = (await asked(split, url)).json()["estimate"]
        told = await asked(split, "/log/counts?groupBy=type")
    stored = [int(rows) for rows in both.shards.on_each("SELECT count() FROM {db}.actions")]
    assert min(stored) > ACTIONS / 3
    assert sum(stored) > ACTIONS
    assert estimate["rows"] == sum(stored)
    assert int(told.headers["Actionlog-Rows-Read"]) == sum(stored) + len(stored)  # and a line of each estimate


async def test_the_scan_guard_counts_the_rows_of_all_shards(both: Both) -> None:
    stored = [int(rows) for rows in both.shards.on_each("SELECT count() FROM {db}.actions")]
    between = (max(stored) + sum(stored)) // 2
    async with serving(both.shards, max_rows_to_read=between) as split:
        refused = await split.get("/log/counts?groupBy=type")
    async with serving(both.shards, max_rows_to_read=sum(stored)) as split:
        await asked(split, "/log/counts?groupBy=type")
    assert (refused.status_code, refused.json()["code"]) == (400, "too-many-rows")
    assert f"{sum(stored):,}" in refused.json()["detail"]


@pytest.mark.parametrize("named", [0, 3])
async def test_a_service_that_would_leave_out_a_shard_is_not_ready(both: Both, named: int) -> None:
    urls = [*(shard.url for shard in both.shards.shards), "http://127.0.0.1:9"][:named]
    async with serving(both.shards, clickhouse_shard_urls=",".join(urls)) as split:
        ready = await split.get("/readyz")
    assert ready.status_code == 503
    assert f"QUERY_CLICKHOUSE_SHARD_URLS names {named}" in ready.json()["checks"]["clickhouse"]


@pytest.mark.parametrize("named", [1, 2])
async def test_while_a_shard_is_added_answers_go_on_and_are_of_all(both: Both, named: int) -> None:
    urls = ",".join(shard.url for shard in both.shards.shards[:named])
    async with serving(both.shards, clickhouse_shard_urls=urls) as split:
        assert (await split.get("/readyz")).status_code == 200
        assert (await asked(split, "/log/counts")).json()["total"]["count"] == ACTIONS


async def test_a_table_with_no_shards_is_named_when_it_is_missing(both: Both) -> None:
    nowhere = dataclasses.replace(both.shards, database=f"{both.shards.database}_no")
    async with serving(nowhere) as split:
        response = await split.get("/log")
    assert response.status_code == 503
    assert f"{nowhere.database}_all.actions does not exist" in response.json()["detail"]

"""A shard that is away makes answers 503, never partial ones."""

import httpx
import pytest

from tests.integration.shards.asking import serving
from tests.shards import ShardedNamespace
from tests.waiting import wait_until_async

READS = (
    "/log",
    "/log?limit=5&userId=u",
    "/log?format=ndjson",
    "/log/counts",
    "/log/counts?groupBy=type&limit=1&dryRun=true",
    "/log/funnel?step=T&step=V&within=1d",
    "/log/retention",
)


async def is_answered(client: httpx.AsyncClient) -> bool:
    """And never in part."""
    answer = await client.get("/log/counts")
    if answer.status_code == 200:
        assert answer.json()["total"]["count"] == 18
    return answer.status_code == 200


@pytest.mark.parametrize("away", [0, 1])
async def test_reads_answer_503_until_the_shard_is_back(namespace: ShardedNamespace, away: int) -> None:
    rows = "SELECT generateUUIDv4(), 'u', 'T', now() FROM numbers(9)"
    namespace.on_each(f"INSERT INTO {{db}}.actions (event_id, user_id, type, time) {rows}")
    async with serving(namespace, reconnect_pause_ms=0) as client:
        assert (await client.get("/log/counts")).json()["total"]["count"] == 18
        namespace.shards[away].kill()
        try:
            answers = {url: await client.get(url) for url in READS}
            ready = await client.get("/readyz")
        finally:
            namespace.shards[away].start()
        assert {url: answer.status_code for url, answer in answers.items()} == dict.fromkeys(READS, 503)
        assert all("retry-after" in answer.headers for answer in answers.values())
        assert ready.status_code == 503
        await wait_until_async(lambda: is_answered(client), 90, "it is answered again")

"""A user's actions are erased on every shard, and only when every shard is there."""

from pathlib import Path
from typing import Any

import httpx

from query_api.erasing.erasure import State
from tests.integration.query_api.keyed import KeyRing
from tests.integration.shards.asking import serving
from tests.shards import ShardedNamespace
from tests.waiting import wait_until_async

QUICK: dict[str, Any] = {"erase_check_s": 0.05, "erase_removal_check_s": 0.05, "erase_after_hours": 0}
COLUMNS = "(event_id, user_id, type, time, received_at, partition, offset)"
STORED = "SELECT count() FROM {db}.actions WHERE user_id = 'u' SETTINGS apply_deleted_mask = 0"


def insert(namespace: ShardedNamespace, user: str, rows: int) -> None:
    """So many on each shard: a user's older rows stay where they were when shards were added."""
    for shard in range(len(namespace.shards)):
        values = f"generateUUIDv4(), '{user}', 'T', '2026-01-01', '2026-01-01', {shard}, number"
        namespace.on(shard, f"INSERT INTO {{db}}.actions {COLUMNS} SELECT {values} FROM numbers({rows})", "writer")


async def until_removed(client: httpx.AsyncClient, receipt: str, headers: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {}

    async def removed() -> bool:
        body.update((await client.get(f"/log/erasures/{receipt}", headers=headers)).json())
        return body.get("state") == State.REMOVED

    await wait_until_async(removed, 90, "the erasure is done")
    return body


async def until_accepted(client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    answers: list[httpx.Response] = []

    async def accepted() -> bool:
        answers.append(await client.delete("/log?userId=u", headers=headers))
        return answers[-1].status_code == 202

    await wait_until_async(accepted, 90, "the erasure is accepted")
    return answers[-1]


async def test_rows_of_the_user_are_gone_from_every_shard(namespace: ShardedNamespace, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    headers = ring.add("privacy", admin=True)
    insert(namespace, "u", 10)
    insert(namespace, "v", 5)
    async with serving(namespace, keys_file=ring.file, **QUICK) as client:
        asked = await client.delete("/log?userId=u", headers=headers)
        assert asked.status_code == 202, asked.text
        done = await until_removed(client, asked.json()["receipt"], headers)
    assert done["rows"] == 20
    assert namespace.on_each(STORED) == ["0", "0"]
    assert namespace.query("SELECT count() FROM {db}.actions") == "10"
    states = namespace.on_each("SELECT countIf(state = 'requested') FROM {db}.erasures")
    assert states == ["1", "0"], "erasures are written down on the first shard"


async def test_with_a_shard_away_it_is_refused_and_done_later(namespace: ShardedNamespace, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    headers = ring.add("privacy", admin=True)
    insert(namespace, "u", 10)
    async with serving(namespace, keys_file=ring.file, **QUICK) as client:
        namespace.shards[1].kill()
        try:
            assert (await client.delete("/log?userId=u", headers=headers)).status_code == 503
        finally:
            namespace.shards[1].start()
        asked = await until_accepted(client, headers)
        await until_removed(client, asked.json()["receipt"], headers)
    assert namespace.on_each(STORED) == ["0", "0"]


async def test_a_shard_that_the_service_is_not_told_of_keeps_an_erasure_open(
    namespace: ShardedNamespace, tmp_path: Path
) -> None:
    """It would otherwise be called done, with the rows still there."""
    ring = KeyRing(tmp_path / "keys.json")
    headers = ring.add("privacy", admin=True)
    insert(namespace, "u", 10)
    blind = {"keys_file": ring.file, "clickhouse_shard_urls": namespace.shards[0].url, **QUICK}
    async with serving(namespace, **blind) as client:
        asked = await client.delete("/log?userId=u", headers=headers)
        receipt = asked.json()["receipt"]
        assert (await client.get(f"/log/erasures/{receipt}", headers=headers)).json()["state"] == State.REQUESTED
    assert namespace.on_each(STORED) == ["10", "10"]
    async with serving(namespace, keys_file=ring.file, **QUICK) as client:
        await until_removed(client, receipt, headers)
    assert namespace.on_each(STORED) == ["0", "0"]

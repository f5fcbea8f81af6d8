"""GET /log in every format: the same actions as in JSON, whole or page by page."""

import json
import random
import uuid
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work
from tests.integration.query_api import documents
from tests.integration.query_api.actions import Stored, answered, generated, insert, newest_first
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.exported import READERS, from_csv, from_ndjson
from tests.integration.query_api.keyed import KeyRing
from tests.namespace import Namespace

HOUR_S = 3600


def key_order(action: Stored) -> tuple[float, str, tuple[datetime, int, int]]:
    """By hour, type, time and id, as the table is stored."""
    return action.time.timestamp() // HOUR_S, action.type, action.order


def several(seed: int) -> list[Stored]:
    """Actions with all that is hard to write: quotes, commas, line ends, odd names and numbers."""
    chance = random.Random(seed)
    return [
        Stored(
            action.id,
            chance.choice(('a"b', "a,b\r\nc", "é😀", "\\N", "\t", "null")),
            action.type,
            action.time,
            "s\n",
            text,
        )
        for action in generated(120, seed)
        if (text := documents.document(chance))
    ]


@pytest.mark.parametrize("name", READERS)
async def test_a_format_says_what_json_says(namespace: Namespace, serve: Serve, name: str) -> None:
    actions = several(seed=len(name))
    insert(namespace, actions)
    insert(namespace, actions[:60])  # some twice
    by_id = {action["id"]: action for action in answered(actions)}
    async with serve(first_window_rows=20) as client:
        whole = READERS[name]((await client.get(f"/log?format={name}")).content)
        oldest_first = READERS[name]((await client.get(f"/log?format={name}&order=asc")).content)
        paged = await read_pages(client, name)
    assert whole == [by_id[str(action.id)] for action in sorted(actions, key=key_order)]
    assert oldest_first == answered(newest_first(actions)[::-1])
    assert paged == answered(newest_first(actions))


async def read_pages(client: httpx.AsyncClient, name: str) -> list[dict[str, object]]:
    """All pages of a format, by their Link."""
    read: list[dict[str, object]] = []
    url: httpx.URL | None = client.base_url.join(f"/log?format={name}&limit=50")
    while url is not None:
        response = await client.get(url)
        read += READERS[name](response.content)
        url = response.url.join(response.links["next"]["url"]) if "next" in response.links else None
    return read


async def test_ndjson_has_the_properties_verbatim_in_one_line(namespace: Namespace, serve: Serve) -> None:
    properties = '{ "b":1.0,\r\n "a":1e2,"a":-0.0, "n":12345678901234567890.10, "s":"\\u00e9é\\/\\\\ \\n", "z":null }'
    insert(namespace, [Stored(uuid.uuid4(), "u/v", "CLICK", datetime(2026, 1, 1, 0, 0, 0, 500, UTC), "s", properties)])
    async with serve() as client:
        for limit in ("", "&limit=1"):
            line, _ = (await client.get(f"/log?format=ndjson{limit}")).text.splitlines()
            assert '"userId":"u/v","sessionId":"s","time":"2026-01-01T00:00:00.000500Z","type":"CLICK"' in line
            assert line.endswith(f'"properties":{properties.translate({10: " ", 13: " "})}}}')


@pytest.mark.parametrize("name", READERS)
async def test_nothing_is_a_whole_answer_too(namespace: Namespace, serve: Serve, name: str) -> None:
    async with serve() as client:
        for limit in ("", "&limit=5"):
            response = await client.get(f"/log?format={name}{limit}")
            assert (response.status_code, READERS[name](response.content)) == (200, [])


async def test_the_summary_may_be_left_out_or_asked_for(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, several(seed=1))
    async with serve() as client:
        without = await client.get("/log?format=ndjson&summary=false")
        assert len([json.loads(line)["id"] for line in without.text.splitlines()]) == 120
        with_one = await client.get("/log?format=csv&summary=true")
        assert with_one.content.endswith(b"\r\n# rows=120\r\n")
        page = await client.get("/log?format=ndjson&limit=5")
        assert json.loads(page.text.splitlines()[-1])["next"] == page.links["next"]["url"].split("cursor=")[1]


async def test_accept_chooses_the_format(namespace: Namespace, serve: Serve) -> None:
    async with serve() as client:
        for accept, media_type in (
            ("text/csv", "text/csv; charset=utf-8; header=present"),
            ("*/*", "application/json"),
        ):
            response = await client.get("/log", headers={"Accept": accept})
            assert response.headers["content-type"] == media_type
            assert "Accept" in response.headers["vary"].split(", ")
        refused = await client.get("/log", headers={"Accept": "image/png"})
        assert (refused.status_code, refused.json()["code"]) == (406, "not-acceptable")


@pytest.mark.parametrize("name", READERS)
async def test_hidden_properties_are_in_no_format(
    namespace: Namespace, serve: Serve, tmp_path: Path, name: str
) -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    written = (
        '{"email":"secret","a":1,"\\u0065mail":"secret","b":{"email":"kept"}}',
        '{"email":"secret","n":18446744073709551616}',
        '{"emai\\u006c":{"x":["secret"]}}',
    )
    insert(namespace, [Stored(uuid.UUID(int=n), "u", "t", time, "s", text) for n, text in enumerate(written)])
    ring = KeyRing(tmp_path / "keys.json")
    headers = ring.add("narrow", hiddenProperties=["email"])
    async with serve(keys_file=ring.file) as client:
        for limit in ("&order=asc", "&limit=5&order=asc"):
            response = await client.get(f"/log?format={name}{limit}", headers=headers)
            shown = [action["properties"] for action in READERS[name](response.content)]
            assert shown == [{"a": 1, "b": {"email": "kept"}}, {}, {}]
            assert b"secret" not in response.content


async def test_an_export_over_its_rows_is_refused_before_it_begins(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, several(seed=2))
    async with serve(max_export_rows=100) as client:
        response = await client.get("/log?format=csv")
        assert (response.status_code, response.json()["code"]) == (400, "too-many-rows")
        assert "QUERY_MAX_EXPORT_ROWS" in response.json()["detail"]
        described = (await client.get("/log?format=csv&dryRun=true")).json()
        assert described["maxRows"] == 100
        assert len(from_csv((await client.get("/log?format=csv&limit=200")).content)) == 120


async def test_an_export_is_read_in_the_order_it_is_stored_without_sorting(namespace: Namespace, serve: Serve) -> None:
    for seed in range(3):
        insert(namespace, generated(100, seed))
    values = {name.removeprefix("QUERY_").lower(): value for name, value in namespace.environment("query_api").items()}
    store = Store(Settings.model_validate(values))
    async with serve() as client:
        for order, sorts in (("", False), ("&order=asc", True)):
            described = (await client.get(f"/log?format=ndjson&dryRun=true{order}")).json()
            query = Query(f"EXPLAIN PIPELINE {described['sql']}", described["parameters"])
            steps = " ".join(step for (step,) in await store.fetch(query, Work(10), result_decoder(tuple[str])))
            assert "MergeTreeSelect" in steps
            assert ("PartialSorting" in steps) == sorts
            assert "MergeSorting" not in steps  # which holds all rows
    await store.close()


async def test_what_others_stored_is_still_json(namespace: Namespace, serve: Serve) -> None:
    namespace.query(
        "INSERT INTO {db}.actions (event_id, time, properties) VALUES"
        " (generateUUIDv4(), '2020-01-01 00:00:00', ''), (generateUUIDv4(), '2020-01-01 00:00:01', 'no \"json\"')",
        "writer",
    )
    async with serve() as client:
        read = from_ndjson((await client.get("/log?format=ndjson")).content)
    assert [action["properties"] for action in read] == ["", 'no "json"']

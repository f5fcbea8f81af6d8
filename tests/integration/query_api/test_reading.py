"""GET /log against a model in Python: filters, order, paging, duplicates."""

import itertools
import random
import uuid
from datetime import datetime

import httpx
import pytest

from tests.integration.query_api.actions import (
    MOMENTS,
    TYPES,
    USERS,
    Stored,
    answered,
    generated,
    insert,
    newest_first,
    selected,
)
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.paging import answer, everything, pages
from tests.namespace import Namespace

SAMPLE = [
    Stored(
        uuid.UUID(f"0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b2{n}"),
        "ABC12312XYZ",
        kind,
        datetime.fromisoformat(time),
        "XYZ45126ABC",
        properties,
    )
    for n, (kind, time, properties) in enumerate(
        (
            ("CLICK", "2013-10-18T21:37:28-06:00", '{"locationX": 52, "locationY": 11}'),
            ("VIEW", "2018-10-18T21:37:30-06:00", '{"viewedId": "FDJKLHSLD"}'),
            ("NAVIGATE", "2018-10-18T21:37:30-06:00", '{"pageFrom": "communities", "pageTo": "inventory"}'),
        )
    )
]


async def test_the_sample_is_answered_as_it_was_sent(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, SAMPLE)
    async with serve() as client:
        assert await answer(client, {}) == {"actions": answered(SAMPLE[::-1]), "next": None}
        response = await client.get(
            "/log?userId=ABC12312XYZ&type=CLICK&startTime=2013-01-01T00:00:00Z&endTime=2014-01-01T00:00:00Z"
        )
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        assert response.text == (
            '{"actions":[{"id":"0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b20","userId":"ABC12312XYZ",'
            '"sessionId":"XYZ45126ABC","time":"2013-10-18T21:37:28-06:00","type":"CLICK",'
            '"properties":{"locationX": 52, "locationY": 11}}],"next":null}'
        )


async def test_an_empty_table_is_an_empty_page(namespace: Namespace, serve: Serve) -> None:
    async with serve() as client:
        assert await answer(client, {"userId": "nobody"}) == {"actions": [], "next": None}


# 1 makes every page many windows, 40 a few; the default is one.
@pytest.mark.parametrize("first_window_rows", [1, 40, 32_768])
async def test_filters_alone_and_combined_select_what_the_model_selects(
    namespace: Namespace, serve: Serve, first_window_rows: int
) -> None:
    actions = generated(300, seed=first_window_rows)
    insert(namespace, actions[:200])
    insert(namespace, actions[200:])
    chance = random.Random(first_window_rows)
    async with serve(first_window_rows=first_window_rows) as client:
        for names in _subsets(("userId", "type", "startTime", "endTime")):
            parameters = _some_values(names, chance)
            expected = answered(selected(actions, parameters))
            assert await everything(client, {**parameters, "limit": str(chance.choice((17, 1000)))}) == expected


def _subsets(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [subset for size in range(len(names) + 1) for subset in itertools.combinations(names, size)]


def _some_values(names: tuple[str, ...], chance: random.Random) -> dict[str, str]:
    start, end = sorted(chance.sample(MOMENTS, 2))
    values = {"userId": chance.choice(USERS), "type": chance.choice(TYPES)}
    values |= {"startTime": f"{start}+00:00", "endTime": f"{end}+00:00"}
    return {name: values[name] for name in names}


async def test_the_time_range_includes_its_start_and_excludes_its_end(namespace: Namespace, serve: Serve) -> None:
    actions = generated(100, seed=5)
    insert(namespace, actions)
    async with serve() as client:
        for start, end in itertools.pairwise(MOMENTS):
            parameters = {"startTime": f"{start}+00:00", "endTime": f"{end}+00:00"}
            assert await everything(client, parameters) == answered(selected(actions, parameters))


@pytest.mark.parametrize("limit", range(1, 8))
async def test_pages_of_any_size_add_up_to_everything_in_order(namespace: Namespace, serve: Serve, limit: int) -> None:
    actions = generated(60, seed=limit)
    insert(namespace, actions)
    async with serve(first_window_rows=7) as client:
        assert await everything(client, {"limit": str(limit)}) == answered(newest_first(actions))


async def test_nothing_is_lost_or_repeated_while_actions_are_inserted(namespace: Namespace, serve: Serve) -> None:
    before = generated(60, seed=1)
    insert(namespace, before)
    arriving = iter(generated(300, seed=2))
    shown: list[str] = []
    async with serve(first_window_rows=5) as client:
        async for page in pages(client, {"limit": "7"}):
            shown += [action["id"] for action in page]
            insert(namespace, itertools.islice(arriving, 10))
    assert len(shown) == len(set(shown))
    there_before = {str(action.id) for action in before}
    assert [i for i in shown if i in there_before] == [str(action.id) for action in newest_first(before)]


async def test_an_action_stored_twice_is_shown_once(namespace: Namespace, serve: Serve) -> None:
    namespace.query("SYSTEM STOP MERGES {db}.actions")
    actions = generated(50, seed=3)
    for _ in range(3):
        insert(namespace, actions)
    # Other bytes too: ClickHouse drops an INSERT whose bytes it has just stored.
    insert(namespace, actions[::-1])
    insert(namespace, actions[10:])
    assert int(namespace.query("SELECT count() FROM {db}.actions")) > len(actions)
    async with serve(first_window_rows=7) as client:
        for limit in ("3", "1000"):
            assert await everything(client, {"limit": limit}) == answered(newest_first(actions))


async def test_the_link_header_leads_through_all_pages(namespace: Namespace, serve: Serve) -> None:
    actions = [action for action in generated(60, seed=4) if action.user == "é"]
    insert(namespace, actions)
    shown = []
    async with serve() as client:
        url: httpx.URL | None = client.base_url.join("/log?userId=%C3%A9&limit=3&startTime=1970-01-01T00:00:00 00:00")
        while url is not None:
            response = await client.get(url)
            shown += response.json()["actions"]
            url = response.url.join(response.links["next"]["url"]) if "next" in response.links else None
    assert shown == answered(newest_first(actions))


async def test_the_limit_may_change_from_page_to_page_but_the_filters_may_not(
    namespace: Namespace, serve: Serve
) -> None:
    actions = generated(30, seed=6)
    insert(namespace, actions)
    async with serve() as client:
        first = await answer(client, {"limit": "10"})
        second = await answer(client, {"limit": "1000", "cursor": first["next"]})
        assert first["actions"] + second["actions"] == answered(newest_first(actions))
        refused = await client.get("/log", params={"userId": "ABC", "cursor": first["next"]})
        assert refused.status_code == 400
        assert "made for other filters" in refused.json()["detail"]


async def test_properties_come_back_byte_for_byte(namespace: Namespace, serve: Serve) -> None:
    properties = (
        '{ "b":1.0,  "a":1e2,"a":-0.0, "n":12345678901234567890.10, "s":"\\u00e9é\\/\\\\ \\t", "o":{}, "z":null }'
    )
    insert(namespace, [Stored(uuid.uuid4(), "u", "CLICK", SAMPLE[0].time, "s", properties)])
    async with serve() as client:
        assert f'"properties":{properties}}}' in (await client.get("/log")).text


async def test_stored_bytes_that_are_no_utf8_are_no_error(namespace: Namespace, serve: Serve) -> None:
    namespace.query(
        "INSERT INTO {db}.actions (event_id, user_id, type, time, properties)"
        " SELECT generateUUIDv4(), unhex('FF41'), unhex('C3'), '2020-01-01 00:00:00', '{\"a\":1}'",
        "writer",
    )
    async with serve() as client:
        (action,) = (await answer(client, {}))["actions"]
    assert (action["userId"], action["type"], action["properties"]) == ("\ufffdA", "\ufffd", {"a": 1})

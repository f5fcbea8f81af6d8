"""Read keys as clients meet them: who is let in, and what a scope never shows."""

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.query_api import actions as stored
from tests.integration.query_api.actions import Stored, generated, insert, newest_first, selected
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.integration.query_api.paging import everything
from tests.namespace import Namespace
from tests.stack import StartService
from tests.waiting import wait_until


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json")


async def test_without_a_file_of_keys_everybody_reads(namespace: Namespace, serve: Serve) -> None:
    async with serve() as client:
        assert (await client.get("/log")).status_code == 200
        assert (await client.get("/log", headers={"X-Read-Key": "anything"})).status_code == 200


async def test_with_one_a_key_is_asked_for(namespace: Namespace, serve: Serve, ring: KeyRing) -> None:
    bearer = ring.add("shop")
    secret = ring.secrets["shop"]
    async with serve(keys_file=ring.file) as client:
        for headers in (bearer, {"X-Read-Key": secret}):
            assert (await client.get("/log", headers=headers)).status_code == 200
        missing = await client.get("/log")
        assert (missing.status_code, missing.json()["code"]) == (401, "key-missing")
        assert missing.headers["www-authenticate"] == "Bearer"
        unknown = await client.get("/log", headers={"X-Read-Key": secret[:-1]})
        assert (unknown.status_code, unknown.json()["code"]) == (401, "key-unknown")
        in_url = await client.get("/log", params={"key": secret})
        assert in_url.status_code == 401, "URLs end up in logs: only the tail takes a key there"
        metrics = (await client.get("/metrics")).text
        assert 'actionlog_query_key_requests_total{key="shop"}' in metrics
        assert 'actionlog_query_refused_requests_total{code="key-missing"}' in metrics
        for path in ("/livez", "/readyz", "/openapi.json"):
            assert (await client.get(path)).status_code == 200


def test_keys_are_added_and_taken_away_without_a_restart_and_are_not_logged(
    namespace: Namespace, start_service: StartService, ring: KeyRing
) -> None:
    old = ring.add("old")
    service = start_service("query_api", KEYS_FILE=str(ring.file), KEYS_RELOAD_S="0.05")

    def status(headers: dict[str, str]) -> int:
        return httpx.get(f"{service.url}/log", headers=headers, timeout=20).status_code

    assert status(old) == 200
    new = ring.add("new")
    wait_until(lambda: status(new) == 200, 10, "the new key is taken")
    ring.remove("old")
    wait_until(lambda: status(old) == 401, 10, "the old key is refused")
    ring.file.write_text("not json")
    wait_until(
        lambda: "actionlog_query_keys_stale 1.0" in httpx.get(f"{service.url}/metrics", timeout=20).text,
        10,
        "the file is shown",
    )
    assert status(new) == 200
    assert "GET /log asks for a read key" in service.log
    assert [secret for secret in ring.secrets.values() if secret in service.log] == []


def test_it_says_loudly_that_it_is_open_and_does_not_start_on_a_broken_file(
    namespace: Namespace, start_service: StartService, ring: KeyRing
) -> None:
    service = start_service("query_api")
    wait_until(lambda: "GET /log is open" in service.log, 10, "it says so")
    ring.file.write_text('[{"name": "a"}]')
    broken = start_service("query_api", wait=False, KEYS_FILE=str(ring.file))
    assert broken.wait() == 1
    assert "keys.json" in broken.log


def random_scope(chance: random.Random) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    if chance.random() < 0.6:
        scope["userIds"] = chance.sample(stored.USERS, chance.randint(1, 2))
    if chance.random() < 0.5:
        scope["types"] = chance.sample(stored.TYPES, chance.randint(1, 2))
    if chance.random() < 0.4:
        scope["startTime"] = chance.choice(("2013-10-31T23:30:00Z", "2026-02-28T12:59:59.999999Z", "-9999d"))
    if chance.random() < 0.4:
        scope["endTime"] = chance.choice(("2106-02-07T06:28:16Z", "2199-01-01T00:00:00Z"))
    if chance.random() < 0.5:
        scope["hiddenProperties"] = chance.sample(("secret", "a"), chance.randint(1, 2))
    return scope


def visible(actions: Sequence[Stored], scope: dict[str, Any]) -> list[Stored]:
    """The model of a scope."""
    start, end = scope.get("startTime", "0001-01-01T00:00:00Z"), scope.get("endTime", "9999-12-31T00:00:00Z")
    if start == "-9999d":
        start = (datetime.now(UTC) - timedelta(days=9999)).isoformat()
    return [
        action
        for action in actions
        if action.user in scope.get("userIds", [action.user])
        and action.type in scope.get("types", [action.type])
        and datetime.fromisoformat(start) <= action.time < datetime.fromisoformat(end)
    ]


def random_request(chance: random.Random) -> dict[str, str]:
    parameters: dict[str, str] = {"limit": str(chance.choice((3, 7, 100)))}
    if chance.random() < 0.4:
        parameters["userId"] = chance.choice(stored.USERS)
    if chance.random() < 0.4:
        parameters["type"] = chance.choice(stored.TYPES)
    if chance.random() < 0.3:
        parameters["startTime"] = "2013-10-31T23:30:00Z"
    if chance.random() < 0.3:
        parameters["endTime"] = "2150-01-01T05:00:00Z"
    return parameters


def as_seen(action: Stored, scope: dict[str, Any]) -> dict[str, Any]:
    shown = action.answered()
    hidden = scope.get("hiddenProperties", [])
    return {**shown, "properties": {k: v for k, v in shown["properties"].items() if k not in hidden}}


async def test_a_scoped_key_sees_exactly_its_part_whatever_it_asks(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    """Random scopes, random requests, every page, against the model."""
    chance = random.Random(20261125)
    properties = '{"a": 1.0, "secret": "s", "b": {"secret": [1, "x"]}}'
    actions = [Stored(**{**_fields(action), "properties": properties}) for action in generated(80, seed=5)]
    insert(namespace, actions)
    scopes = {f"k{number}": random_scope(chance) for number in range(25)}
    for name, scope in scopes.items():
        ring.add(name, **scope)
    async with serve(keys_file=ring.file, first_window_rows=10) as client:
        for name, scope in scopes.items():
            client.headers.update(ring.headers(name))
            for _ in range(3):
                request = random_request(chance)
                model = {key: value for key, value in request.items() if key != "limit"}
                expected = selected(visible(actions, scope), model)
                assert await everything(client, request) == [as_seen(action, scope) for action in expected], scope


def _fields(action: Stored) -> dict[str, Any]:
    return {name: getattr(action, name) for name in ("id", "user", "type", "time", "session")}


@pytest.mark.parametrize(
    "properties",
    [
        {"properties.secret": "s"},
        {"properties.secret[ne]": "s"},
        {"properties.secret[exists]": "true"},
        {"properties.secret[contains]": "s"},
        {"properties.secret.deeper[gt]": "1"},
        {r"properties.s\ecret": "s"},
    ],
)
async def test_a_hidden_property_is_neither_answered_nor_compared(
    namespace: Namespace, serve: Serve, ring: KeyRing, properties: dict[str, str]
) -> None:
    written = r'{"s\u0065cret":"s","\"":[1, 2],"secret":{"deeper":2},"shown":"v"}'
    insert(namespace, [Stored(uuid.uuid4(), "u", "t", datetime(2020, 1, 1, tzinfo=UTC), properties=written)])
    insert(namespace, [Stored(uuid.uuid4(), "u", "t", datetime(2020, 1, 2, tzinfo=UTC), properties="no json: s")])
    ring.add("k", hiddenProperties=["secret"])
    async with serve(keys_file=ring.file) as client:
        client.headers.update(ring.headers("k"))
        refused = await client.get("/log", params=properties)
        assert refused.status_code == 400
        assert "may not see" in refused.json()["detail"]
        shown = [action["properties"] for action in (await client.get("/log")).json()["actions"]]
        assert shown == [{}, {'"': [1, 2], "shown": "v"}]


async def test_a_cursor_is_good_for_the_key_with_its_scope_and_for_no_other(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    actions = newest_first(generated(20, seed=3))
    insert(namespace, actions)
    mine = ring.add("mine", userIds=["ABC", "abc"], startTime="-20000d")
    others = [ring.add("all"), ring.add("other", userIds=["u1"]), ring.add("types", types=["CLICK"])]
    async with serve(keys_file=ring.file) as client:
        page = (await client.get("/log", params={"limit": "1"}, headers=mine)).json()
        turn = {"limit": "1", "cursor": page["next"]}
        assert (await client.get("/log", params=turn, headers=mine)).status_code == 200
        for headers in others:
            refused = await client.get("/log", params=turn, headers=headers)
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "cursor")


async def test_what_lies_beyond_a_scope_is_not_counted_to_its_key(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    insert(namespace, generated(50, seed=1))
    narrow, wide = ring.add("narrow", userIds=["nobody"]), ring.add("wide")
    async with serve(keys_file=ring.file, max_rows_to_read=1_000_000) as client:
        refused = await client.get("/log", params={"dryRun": "true", "userId": "ABC"}, headers=narrow)
        assert (refused.status_code, refused.json()["code"]) == (403, "dry-run-not-allowed")
        assert (await client.get("/log", params={"dryRun": "true"}, headers=wide)).status_code == 200
        seen = await client.get("/log", headers=narrow)
        assert "actionlog-rows-read" not in seen.headers
        assert "clickhouse" not in seen.headers["server-timing"]
        assert "actionlog-rows-read" in (await client.get("/log", headers=wide)).headers


async def test_the_description_says_how_a_key_is_presented(namespace: Namespace, serve: Serve, ring: KeyRing) -> None:
    async with serve(keys_file=ring.file) as client:
        schema = (await client.get("/openapi.json")).json()
    operation = schema["paths"]["/log"]["get"]
    assert {*operation["responses"]} >= {"401", "403"}
    assert operation["security"] == [{"bearer": []}, {"header": []}]
    assert schema["components"]["securitySchemes"]["header"]["name"] == "X-Read-Key"

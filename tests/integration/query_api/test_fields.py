"""GET /log/fields: the properties of the newest matching actions, and of no others."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.namespace import Namespace

NONE: Mapping[str, str] = {}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def stored(number: int, properties: dict[str, Any] | str, user: str = "u", type_: str = "t") -> Stored:
    """The higher the number, the newer."""
    text = properties if isinstance(properties, str) else json.dumps(properties)
    return Stored(uuid.UUID(int=number + 1), user, type_, NOON + timedelta(minutes=number), properties=text)


async def asked(
    client: httpx.AsyncClient, parameters: Mapping[str, str] = NONE, key: Mapping[str, str] = NONE
) -> dict[str, Any]:
    response = await client.get("/log/fields", params=parameters, headers=key)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def paths(answer: dict[str, Any]) -> list[str]:
    return [field["path"] for field in answer["fields"]]


async def test_it_lists_paths_with_counts_kinds_and_examples(namespace: Namespace, serve: Serve) -> None:
    documents: list[dict[str, Any]] = [
        {"x": 1, "cart": {"total": 9.5, "items": [1]}},
        {"x": "one", "a.b": None},
        {"x": 2, "cart": {"total": 9.5}},
    ]
    insert(namespace, [stored(number, document) for number, document in enumerate(documents)])
    insert(namespace, [stored(2, documents[2])])  # sent again: the same action
    insert(namespace, [stored(3, '{"x": 1e400}')])  # ClickHouse cannot read it, nor can a filter find anything in it
    async with serve() as client:
        assert await asked(client) == {
            "sampledActions": 4,
            "fields": [
                {"path": "properties.x", "actions": 3, "kinds": ["number", "string"], "examples": [2, "one", 1]},
                {"path": "properties.cart.total", "actions": 2, "kinds": ["number"], "examples": [9.5]},
                {"path": "properties.a\\.b", "actions": 1, "kinds": ["null"], "examples": []},
                {"path": "properties.cart.items", "actions": 1, "kinds": ["array"], "examples": []},
            ],
        }
        assert paths(await asked(client, {"limit": "1"})) == ["properties.x"]


async def test_the_filters_hold(namespace: Namespace, serve: Serve) -> None:
    kinds = ("CLICK", "VIEW", "BUY")
    insert(namespace, [stored(number, {f"of{type_}": 1}, type_=type_) for number, type_ in enumerate(kinds)])
    async with serve() as client:
        assert paths(await asked(client, {"type": "VIEW"})) == ["properties.ofVIEW"]
        assert paths(await asked(client, {"type[ne]": "VIEW"})) == ["properties.ofBUY", "properties.ofCLICK"]
        assert paths(await asked(client, {"properties.ofBUY[exists]": "true"})) == ["properties.ofBUY"]
        assert await asked(client, {"userId": "nobody"}) == {"sampledActions": 0, "fields": []}


async def test_the_sample_is_of_the_newest_and_bounded_in_actions_and_bytes(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, [stored(number, {f"p{number}": "x" * 1_000}) for number in range(20)])
    newest = [f"properties.p{number}" for number in (19, 18, 17, 16, 15)]
    async with serve(fields_sample_actions=5) as client:
        answer = await asked(client)
        assert answer["sampledActions"] == 5
        assert paths(answer) == sorted(newest)
    async with serve(fields_sample_bytes=1_500) as client:
        answer = await asked(client)
        assert answer["sampledActions"] == 2
        assert paths(answer) == sorted(newest[:2])


async def test_a_key_sees_no_more_than_through_get_log(namespace: Namespace, serve: Serve, tmp_path: Path) -> None:
    mine = {"shown": 1, "secret": {"deep": 2}, "secreT": 3}
    written = r'{"s\u0065cret": "SECRET", "other": 1}'
    foreign = [stored(number, {"FOREIGN": "FOREIGN", "x": number}, user="FOREIGN") for number in range(50, 60)]
    insert(namespace, [stored(1, mine, user="mine"), stored(2, written, user="mine"), *foreign])
    ring = KeyRing(tmp_path / "keys.json")
    key = ring.add("k", userIds=["mine"], hiddenProperties=["secret"])
    async with serve(keys_file=ring.file, fields_sample_actions=3) as client:
        answer = await asked(client, key=key)
        assert sorted(paths(answer)) == ["properties.other", "properties.secreT", "properties.shown"]
        assert answer["sampledActions"] == 2
        shown = (await client.get("/log", headers=key)).json()["actions"]
        assert {f"properties.{name}" for action in shown for name in action["properties"]} == set(paths(answer))
        refused = await client.get("/log/fields", params={"properties.secret[exists]": "true"}, headers=key)
        assert refused.status_code == 400
        assert (await client.get("/log/fields", params={"dryRun": "true"}, headers=key)).status_code == 403
        assert (await client.get("/log/fields")).status_code == 401


@pytest.mark.parametrize(("name", "value"), [("limit", "1001"), ("limit", "0"), ("wibble", "1"), ("cursor", "x")])
async def test_a_wrong_parameter_is_named(namespace: Namespace, serve: Serve, name: str, value: str) -> None:
    async with serve() as client:
        refused = await client.get("/log/fields", params={name: value})
    assert refused.status_code == 400
    assert [error["path"] for error in refused.json()["errors"]] == [name]

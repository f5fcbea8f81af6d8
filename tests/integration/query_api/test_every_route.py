"""Every reading route of the description, whichever there are: hostile values, and rows that a key must not see."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from tests.integration.query_api import live
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.integration.query_api.test_hostile_values import HOSTILE
from tests.namespace import Namespace

ENDLESS: Final = {"/log/tail"}  # a stream that goes on: this client reads an answer to its end
MINE, FOREIGN = uuid.UUID(int=1), uuid.UUID(int=2)
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
# Members that tell of the clock and the topic, not of the table.
CHANGING: Final = {"watermark", "now", "asOf", "ageSeconds", "lagSeconds"}
HEADERS: Final = (
    "Authorization",
    "X-Read-Key",
    "Accept",
    "Prefer",
    "Last-Event-ID",
    "X-Request-Id",
    "Cookie",
    "Origin",
)
TURNS: Final = 3
SPAN: Final = {"startTime": "2019-12-31T00:00:00Z", "endTime": "2020-01-03T00:00:00Z"}


@dataclass(frozen=True)
class Route:
    """A reading route: its path with placeholders, its parameters, and a request that it accepts."""

    path: str
    parameters: tuple[str, ...]
    accepted: dict[str, str]

    def url(self, value: str) -> str:
        """The path with the value in the place of every placeholder."""
        parts = self.path.split("/")
        return "/".join(quote(value, safe="") if part.startswith("{") else part for part in parts)

    @property
    def takes_a_value(self) -> bool:
        return "{" in self.path


async def routes(client: httpx.AsyncClient) -> list[Route]:
    paths = (await client.get("/openapi.json")).json()["paths"]
    return [_route(path, item["get"]) for path, item in paths.items() if "get" in item and path not in ENDLESS]


def _route(path: str, operation: dict[str, Any]) -> Route:
    parameters = [entry for entry in operation.get("parameters", ()) if entry["in"] == "query"]
    names = [entry["name"] for entry in parameters if "<" not in entry["name"]]
    accepted = {entry["name"]: _example(entry) for entry in parameters if entry.get("required")}
    return Route(path, tuple(names), accepted | {name: value for name, value in SPAN.items() if name in names})


def _example(parameter: dict[str, Any]) -> str:
    values = [example["value"] for example in parameter.get("examples", {}).values()] or [parameter.get("example", "1")]
    first = values[0]
    return str(first[0] if isinstance(first, list) else first)


def requests(route: Route, value: str) -> Iterator[dict[str, str]]:
    """The value in the place of each parameter, and in a property's name, operator and value."""
    for name in route.parameters:
        yield {**route.accepted, name: value}
    if route.takes_a_value or not route.parameters:
        yield route.accepted
    if "userId" in route.parameters:
        yield {**route.accepted, f"properties.{value}": "1"}
        yield {**route.accepted, f"properties.a[{value}]": "1"}
        yield {**route.accepted, "properties.a": value}
        yield {**route.accepted, "properties.a[contains]": value}
        yield {**route.accepted, "properties.a[gt]": value}


def rows(user: str, identity: uuid.UUID) -> list[Stored]:
    """Two of one user, one of them under a chosen id; both sessions, types and properties say whose they are."""
    properties = json.dumps({"a": user, "number": 5, user: 1})
    other = uuid.uuid5(identity, "other")
    return [Stored(one, user, f"{user}-type", NOON, f"{user}-session", properties) for one in (identity, other)]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json")


async def test_hostile_values_anywhere_are_answered_and_bring_no_foreign_row(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    insert(namespace, [*rows("mine", MINE), *rows("FOREIGN", FOREIGN)])
    key = ring.add("k", userIds=["mine"], hiddenProperties=["secret"])
    async with serve(keys_file=ring.file) as client:
        for route in await routes(client):
            for number, value in enumerate(HOSTILE):
                asked = list(requests(route, value))
                for request in asked[number % TURNS :: TURNS]:  # each place gets every third value
                    await _harmless(client, route.url(value), request, key)


async def _harmless(
    client: httpx.AsyncClient, url: str, request: dict[str, str], headers: Mapping[str, str | bytes]
) -> None:
    sent = [(name.encode(), text if isinstance(text, bytes) else text.encode()) for name, text in headers.items()]
    response = await client.get(url, params=request, headers=sent)
    assert response.status_code < 500 or response.status_code == 503, (url, request, response.text)
    assert b"FOREIGN" not in response.content, (url, request)
    if str(FOREIGN) not in url:  # one that says of which id it knows nothing repeats it
        assert str(FOREIGN).encode() not in response.content, (url, request)


async def test_hostile_headers_are_answered_and_let_nobody_in(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    insert(namespace, rows("FOREIGN", FOREIGN))
    key = ring.add("k", userIds=["mine"])
    async with serve(keys_file=ring.file) as client:
        for route in await routes(client):
            for value in HOSTILE[::4]:
                sent = "".join(char for char in value if char not in "\r\n\x00").encode()
                for name in HEADERS:
                    await _harmless(client, route.url(str(FOREIGN)), route.accepted, {**key, name: sent})


async def test_an_answer_does_not_depend_on_rows_beyond_the_keys_scope(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    """Everything is asked twice, before and after the foreign rows are there: not a byte may differ."""
    insert(namespace, rows("mine", MINE))
    keys = [ring.add("user", userIds=["mine"]), ring.add("type", types=["mine-type", "x"])]
    values = ["FOREIGN", "FOREIGN-session", str(FOREIGN), "mine-type"]
    async with serve(keys_file=ring.file) as client:
        known = await routes(client)
        await live.until_known(client, keys[0])  # else what Kafka does not tell yet makes a difference too
        before = [await _asked(client, route, key, values) for route in known for key in keys]
        insert(namespace, rows("FOREIGN", FOREIGN))
        after = [await _asked(client, route, key, values) for route in known for key in keys]
    for first, second in zip(before, after, strict=True):
        assert first == second
    statuses = {status for answers in before for _, status, _ in answers}
    assert statuses >= {200, 400}, "some requests were to be answered, and some refused"


async def _asked(
    client: httpx.AsyncClient, route: Route, headers: dict[str, str], values: list[str]
) -> list[tuple[str, int, object]]:
    answers = []
    for value in values:
        for request in requests(route, value):
            response = await client.get(route.url(value), params=request, headers=headers)
            answers.append((f"{response.url}", response.status_code, _comparable(response)))
    return answers


def _comparable(response: httpx.Response) -> object:
    if "json" in response.headers.get("content-type", "") and "ndjson" not in response.headers["content-type"]:
        return _without_clock(response.json())
    return response.content


def _without_clock(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_clock(member) for name, member in value.items() if name not in CHANGING}
    return [_without_clock(item) for item in value] if isinstance(value, list) else value

"""GET /log/dead-letters: every record that could not be stored, once, newest first, with the reason."""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from query_api.browsing.letters import SHOWN_BYTES
from tests.integration.consumer import sinks
from tests.integration.query_api import live
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.integration.query_api.topic import publish
from tests.namespace import Namespace
from tests.stack import StartService

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Put:
    """A dead letter as the sink puts it into the table."""

    id: uuid.UUID
    stored_at: datetime
    offset: int
    value: bytes = b"{}"
    topic: str = ""

    @property
    def order(self) -> tuple[datetime, int, int]:
        """As ClickHouse orders UUIDs: by the second half first."""
        return self.stored_at, self.id.int & (2**64 - 1), self.id.int >> 64


def put(namespace: Namespace, letters: Iterable[Put]) -> None:
    values = ", ".join(
        f"('{letter.id}', '{letter.topic or namespace.topic}', 1, {letter.offset}, '{NOON:%F %T}', 'key',"
        f" unhex('{letter.value.hex()}'), 'no action', 0, '{letter.stored_at:%F %T.%f}')"
        for letter in letters
    )
    columns = "event_id, topic, partition, offset, recorded_at, key, value, reason, error_code, stored_at"
    namespace.query(f"INSERT INTO {{db}}.dead_letters ({columns}) VALUES {values}")


def generated(count: int, seed: int) -> list[Put]:
    """Many stored at one moment, differing only in id."""
    chance = random.Random(seed)
    return [
        Put(uuid.UUID(int=chance.getrandbits(128)), NOON + timedelta(milliseconds=chance.randrange(20)), number)
        for number in range(count)
    ]


async def asked(client: httpx.AsyncClient, **parameters: str) -> dict[str, Any]:
    response = await client.get("/log/dead-letters", params=parameters)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def everything(client: httpx.AsyncClient, **parameters: str) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await asked(client, **parameters, **cursor)
        ids += [letter["id"] for letter in page["deadLetters"]]
        if page["next"] is None:
            return ids
        assert len(page["deadLetters"]) == int(parameters["limit"])
        cursor = {"cursor": page["next"]}


async def test_what_the_sink_puts_aside_is_told_with_its_reason(
    namespace: Namespace, serve: Serve, start_service: StartService
) -> None:
    sinks.start(start_service)
    bad = b'\x1b[2J\xff<script>alert("&")</script>'
    await publish(namespace, [bad], partition=2)
    async with serve() as client:

        async def is_there() -> bool:
            return bool((await asked(client))["deadLetters"])

        await live.until(is_there, "the record is put aside")
        [letter] = (await asked(client))["deadLetters"]
        place = (await client.get(f"/log/{letter['id']}")).json()
    assert letter["value"] == bad.decode(errors="replace")
    assert letter["reason"].startswith("not UTF-8")
    assert (letter["partition"], letter["offset"], letter["errorCode"]) == (2, 0, 0)
    assert (letter["key"], letter["truncated"]) == ("", False)
    assert datetime.fromisoformat(letter["recordedAt"]) <= datetime.fromisoformat(letter["storedAt"])
    assert place["state"] == "unknown", "it is no action"


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_the_pages_add_up_to_all_newest_first(namespace: Namespace, serve: Serve, limit: int) -> None:
    letters = generated(60, seed=limit)
    put(namespace, letters[:40])
    put(namespace, letters[30:])  # some in two parts, as a block that was repeated
    put(namespace, [Put(uuid.uuid4(), NOON, 1, topic="another")])
    letters.sort(key=lambda letter: letter.order, reverse=True)
    between = {"startTime": "2026-01-01T12:00:00.005Z", "endTime": "2026-01-01T12:00:00.015Z"}
    low, high = (datetime.fromisoformat(moment) for moment in between.values())
    async with serve() as client:
        assert await everything(client, limit=str(limit)) == [str(letter.id) for letter in letters]
        within = [str(letter.id) for letter in letters if low <= letter.stored_at < high]
        assert await everything(client, limit=str(limit), **between) == within
        assert 0 < len(within) < len(letters)


async def test_what_is_large_is_cut_and_says_so(namespace: Namespace, serve: Serve) -> None:
    ends_within_a_character = b"x" * (SHOWN_BYTES - 1) + "é".encode()
    just_fits, odd = b"y" * SHOWN_BYTES, b"ends with no UTF-8 \xff"
    texts = (ends_within_a_character, just_fits, odd)
    put(
        namespace,
        [Put(uuid.UUID(int=n), NOON - timedelta(seconds=n), n, value) for n, value in enumerate(texts)],
    )
    async with serve() as client:
        first, second, third = (await asked(client))["deadLetters"]
    assert (first["value"], first["truncated"]) == ("x" * (SHOWN_BYTES - 1), True)
    assert (second["value"], second["truncated"]) == (just_fits.decode(), False)
    assert (third["value"], third["truncated"]) == ("ends with no UTF-8 \ufffd", False)


async def test_keys_with_a_scope_may_not_see_them(namespace: Namespace, serve: Serve, tmp_path: Path) -> None:
    put(namespace, generated(1, seed=1))
    ring = KeyRing(tmp_path / "keys.json")
    narrow = [ring.add("user", userIds=["u"]), ring.add("hidden", hiddenProperties=["x"])]
    wide = [ring.add("wide"), ring.add("admin", admin=True)]
    async with serve(keys_file=ring.file) as client:
        for key in narrow:
            refused = await client.get("/log/dead-letters", headers=key)
            assert (refused.status_code, refused.json()["code"]) == (403, "dead-letters-not-allowed")
        for key in wide:
            answer = await client.get("/log/dead-letters", headers=key)
            assert len(answer.json()["deadLetters"]) == 1
        assert (await client.get("/log/dead-letters")).status_code == 401


async def test_cursors_and_parameters_are_held_to_what_they_are_for(namespace: Namespace, serve: Serve) -> None:
    put(namespace, generated(3, seed=1))
    async with serve(max_rows_to_read=1_000_000) as client:
        page = await asked(client, limit="1")
        other = await client.get("/log/dead-letters", params={"cursor": page["next"], "startTime": "-1d"})
        of_the_log = await client.get("/log", params={"cursor": page["next"]})
        for refused in (other, of_the_log):
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "cursor")
        for name, value in {"userId": "u", "limit": "501", "startTime": "x", "order": "asc"}.items():
            refused = await client.get("/log/dead-letters", params={name: value})
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, name)
        dry = await asked(client, dryRun="true")
        assert dry["estimate"]["rows"] >= 3
    async with serve(max_rows_to_read=1) as client:
        refused = await client.get("/log/dead-letters")
        assert (refused.status_code, refused.json()["code"]) == (400, "too-many-rows")

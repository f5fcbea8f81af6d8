"""GET /log/{id}: stored, dead-lettered, in flight or unknown; never unknown on the way from one to the other."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.consumer import sinks
from tests.integration.query_api import live
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.integration.query_api.topic import publish, record
from tests.namespace import Namespace
from tests.stack import StartService
from tests.waiting import wait_until_async

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROUNDS = 30


async def place(client: httpx.AsyncClient, event_id: object, **headers: str) -> dict[str, Any]:
    answer = await client.get(f"/log/{event_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert "actionlog-watermark" in answer.headers
    found: dict[str, Any] = answer.json()
    assert found["id"] == str(event_id).lower()
    return found


@pytest.mark.parametrize(
    "event_id",
    [
        uuid.UUID("0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21"),  # a UUIDv7 of another time than the action's
        uuid.UUID("019aa157-b400-7c1e-9b1f-3a5d0c9e7b21"),  # one of 2026-11-20T12:00:00Z
        uuid.UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"),  # one of the year 10889
        uuid.UUID(int=1),
    ],
)
async def test_a_stored_action_is_found_with_its_position(
    namespace: Namespace, serve: Serve, event_id: uuid.UUID
) -> None:
    action = Stored(event_id, "u", "CLICK", NOON)
    insert(namespace, [Stored(uuid.uuid4(), "u", "CLICK", NOON), action])
    async with serve() as client:
        found = await place(client, str(event_id).upper())
    stored_at = datetime.fromisoformat(found.pop("storedAt"))
    assert abs(datetime.now(UTC) - stored_at) < timedelta(minutes=5)
    assert found == {
        "id": str(event_id),
        "state": "stored",
        "action": action.answered(),
        "partition": 0,
        "offset": 1,
        "acceptedAt": "2026-01-01T00:00:00Z",
        "reason": None,
    }


async def test_properties_that_are_no_json_are_a_string_as_on_a_page(namespace: Namespace, serve: Serve) -> None:
    """Stored by others than our sink."""
    event_id = uuid.uuid4()
    insert(namespace, [Stored(event_id, "u", "CLICK", NOON, properties="{oh")])
    async with serve() as client:
        found = await place(client, event_id)
        (shown,) = (await client.get("/log")).json()["actions"]
    assert found["action"] == shown
    assert shown["properties"] == "{oh"


async def test_an_action_stored_before_this_was_kept_has_no_time_of_it(namespace: Namespace, serve: Serve) -> None:
    action = Stored(uuid.uuid4(), "u", "CLICK", NOON)
    insert(namespace, [action])
    namespace.query(
        "ALTER TABLE {db}.actions UPDATE stored_at = toDateTime64(0, 3) WHERE 1 SETTINGS mutations_sync = 1"
    )
    async with serve() as client:
        found = await place(client, str(action.id))
    assert (found["state"], found["storedAt"]) == ("stored", None)


async def test_an_accepted_action_is_in_flight_until_it_is_stored(
    namespace: Namespace, serve: Serve, start_service: StartService
) -> None:
    sent = record(user="u", properties='{"a": 1.0}')
    (offset,) = await publish(namespace, [sent], partition=1)
    async with serve(watermark_max_age_ms=0) as client:
        found: dict[str, Any] = {}

        async def is_known() -> bool:  # not while a fresh broker makes the topic of its groups' offsets
            found.update(await place(client, sent.event_id))
            return bool(found["state"] != "unknown")

        await wait_until_async(is_known, 20, "the log can be asked")
        assert (found["state"], found["partition"], found["offset"]) == ("in-flight", 1, offset)
        assert found["acceptedAt"] == "2026-11-20T12:00:00.250000Z"
        sinks.start(start_service)
        sinks.counted(namespace, 1)
        stored = await place(client, sent.event_id)
    assert stored.pop("storedAt") is not None
    assert found.pop("storedAt") is None
    assert stored == found | {"state": "stored"}


async def test_on_its_way_it_is_never_unknown(start_service: StartService) -> None:
    producer, query = start_service("producer_api"), start_service("query_api", **live.PATIENT)
    sinks.start(start_service, FLUSH_AFTER_MS="100")  # time enough to be seen before
    states = set()
    async with httpx.AsyncClient(base_url=query.url, timeout=30) as client:
        await live.until_known(client)
        for _ in range(ROUNDS):
            (sent,) = live.actions(1)
            await live.post(client, producer, "u", [sent])
            state = ""
            while state != "stored":
                state = (await place(client, sent["id"]))["state"]
                assert state in {"stored", "in-flight"}
                states.add(state)
    assert states == {"stored", "in-flight"}


async def test_a_dead_letter_is_told_with_its_reason(
    namespace: Namespace, serve: Serve, start_service: StartService
) -> None:
    event_id = str(uuid.uuid4())
    (offset,) = await publish(namespace, [json.dumps({"event_id": event_id, "user_id": 5}).encode()])
    sinks.start(start_service)
    async with serve() as client:

        async def is_put_aside() -> bool:
            return bool((await place(client, event_id))["state"] == "dead-lettered")

        await live.until(is_put_aside, "it is put aside")
        found = await place(client, event_id)
    assert (found["partition"], found["offset"], found["action"]) == (0, offset, None)
    assert "user_id" in found["reason"]
    assert found["storedAt"] is not None


async def test_what_nobody_sent_is_unknown_and_says_what_that_can_mean(namespace: Namespace, serve: Serve) -> None:
    await publish(namespace, [b"no action", record()])
    async with serve() as client:
        await live.until_known(client)
        found = await place(client, uuid.uuid4())
    assert (found["state"], found["action"]) == ("unknown", None)
    assert "not accepted" in found["reason"]


async def test_beyond_the_bound_it_says_that_it_did_not_look(namespace: Namespace, serve: Serve) -> None:
    sent = [record() for _ in range(5)]
    await publish(namespace, sent)
    async with serve(place_max_records=2) as client:
        await live.until_known(client)
        assert (await place(client, sent[4].event_id))["state"] == "in-flight"
        passed_over = await place(client, sent[0].event_id)
    assert passed_over["state"] == "unknown"
    assert "3 older records" in passed_over["reason"]


async def test_kafka_away_stored_actions_are_found_and_others_said_to_be_unseen(
    namespace: Namespace, serve: Serve
) -> None:
    action = Stored(uuid.uuid4(), "u", "CLICK", NOON)
    insert(namespace, [action])
    async with serve(kafka_bootstrap_servers="127.0.0.1:1") as client:
        assert (await place(client, action.id))["state"] == "stored"
        unseen = await place(client, uuid.uuid4())
    assert unseen["state"] == "unknown"
    assert "cannot be seen now" in unseen["reason"]


async def test_a_key_finds_only_what_its_scope_holds(namespace: Namespace, serve: Serve, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    key = ring.add("k", userIds=["mine"], hiddenProperties=["secret"])
    properties = '{"secret": 1, "a": 2}'
    stored = {user: Stored(uuid.uuid4(), user, "CLICK", NOON, properties=properties) for user in ("mine", "foreign")}
    insert(namespace, stored.values())
    on_their_way = {user: record(user=user, properties=properties) for user in ("mine", "foreign")}
    await publish(namespace, on_their_way.values())
    headers = {name: str(value) for name, value in key.items()}
    async with serve(keys_file=ring.file) as client:
        await live.until_known(client, headers)
        for mine in (stored["mine"].id, on_their_way["mine"].event_id):
            assert (await place(client, mine, **headers))["action"]["properties"] == {"a": 2}
        for foreign in (stored["foreign"].id, on_their_way["foreign"].event_id):
            found = await place(client, foreign, **headers)
            assert found == {**dict.fromkeys(found), "id": found["id"], "state": "unknown", "reason": found["reason"]}


@pytest.mark.parametrize("event_id", ["cuonts", "0192f0c15d3a7c1e9b1f3a5d0c9e7b21", "{id}", "'; DROP TABLE actions"])
async def test_what_is_no_id_is_refused_by_name(namespace: Namespace, serve: Serve, event_id: str) -> None:
    async with serve() as client:
        answer = await client.get(f"/log/{event_id}")
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == ["id"]

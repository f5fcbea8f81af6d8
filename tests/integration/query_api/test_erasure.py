"""Erasure from the request to the disk, with the real topic, sink and table."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from consumer.block import build
from consumer.intent import Position
from contract.receipt import Receipt
from contract.record import encode
from query_api.erasing.erasure_store import ErasureStore
from query_api.settings import Settings
from tests.integration.consumer import topic
from tests.integration.consumer.sinks import start
from tests.integration.query_api import live
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.namespace import Namespace
from tests.stack import StartService
from tests.unit.consumer.records import NOON, Record, action
from tests.waiting import wait_until, wait_until_async

QUICK: dict[str, Any] = {"erase_check_s": 0.05, "erase_removal_check_s": 0.05, "erase_after_hours": 0}
PHYSICAL = "SELECT count() FROM {{db}}.actions WHERE user_id = '{user}' SETTINGS apply_deleted_mask = 0"
VISIBLE = "SELECT count() FROM {{db}}.actions WHERE user_id = '{user}'"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json")


def records(user: str, count: int) -> list[bytes]:
    """Of three months."""
    times = [NOON + timedelta(days=31 * (number % 3)) for number in range(count)]
    return [encode(action(user_id=user, time=time)) for time in times]


def count(namespace: Namespace, query: str, user: str) -> int:
    return int(namespace.query(query.format(user=user)))


async def until_counted(namespace: Namespace, query: str, user: str, rows: int) -> None:
    await wait_until_async(
        lambda: asyncio.to_thread(lambda: count(namespace, query, user) == rows), 40, f"{rows} rows of {user}"
    )


async def erase(client: httpx.AsyncClient, user: str, headers: dict[str, str]) -> dict[str, Any]:
    await live.until_known(client, headers)  # else the request is only written down at first
    response = await client.delete("/log", params={"userId": user}, headers=headers)
    assert response.status_code == 202, response.text
    body: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/log/erasures/{body['receipt']}"
    assert user not in body.values()
    return body


async def progress(client: httpx.AsyncClient, receipt: str, headers: dict[str, str]) -> dict[str, Any]:
    response = await client.get(f"/log/erasures/{receipt}", headers=headers)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def until_state(client: httpx.AsyncClient, receipt: str, headers: dict[str, str], *states: str) -> dict[str, Any]:
    async def reached() -> bool:
        return (await progress(client, receipt, headers))["state"] in states

    await wait_until_async(reached, 40, f"state {states}")
    return await progress(client, receipt, headers)


async def test_without_keys_nobody_erases_and_it_says_how_to_make_one(namespace: Namespace, serve: Serve) -> None:
    insert(namespace, [Stored(uuid.uuid4(), "u", "t", datetime(2020, 1, 1, tzinfo=UTC))])
    async with serve() as client:
        for response in (
            await client.delete("/log", params={"userId": "u"}),
            await client.get(f"/log/erasures/{uuid.uuid4()}"),
        ):
            assert (response.status_code, response.json()["code"]) == (403, "admin-key-needed")
            assert "new-key NAME --admin" in response.json()["detail"]
    assert count(namespace, PHYSICAL, "u") == 1


async def test_only_an_admin_key_erases_and_only_one_user_at_a_time(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    admin, reader = ring.add("boss", admin=True), ring.add("reader")
    async with serve(keys_file=ring.file) as client:
        assert (await client.delete("/log", params={"userId": "u"})).status_code == 401
        assert (await client.delete("/log", params={"userId": "u"}, headers=reader)).status_code == 403
        assert (await client.get(f"/log/erasures/{uuid.uuid4()}", headers=reader)).status_code == 403
        for query in (
            "",
            "?userId=",
            "?userId=u&userId=v",
            "?userId=u&type=CLICK",
            f"?userId=u&after={Receipt({0: 1}).encode()}",
            "?userId=u&startTime=-1d",
            "?user=u",
        ):
            assert (await client.delete(f"/log{query}", headers=admin)).status_code == 400, query
        for receipt in (str(uuid.uuid4()), "wibble", "0" * 32):
            assert (await client.get(f"/log/erasures/{receipt}", headers=admin)).status_code == 404
        assert namespace.query("SELECT count() FROM {db}.erasures") == "0"


async def test_erasing_is_switched_off_without_a_user_that_erases(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    admin = ring.add("boss", admin=True)
    async with serve(keys_file=ring.file, eraser_password=None) as client:
        response = await client.delete("/log", params={"userId": "u"}, headers=admin)
        assert (response.status_code, response.json()["code"]) == (503, "erasing-not-set-up")


async def test_without_kafka_nothing_is_written_down_or_erased(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    insert(namespace, [Stored(uuid.uuid4(), "u", "t", datetime(2020, 1, 1, tzinfo=UTC))])
    admin = ring.add("boss", admin=True)
    nowhere = {"kafka_bootstrap_servers": "127.0.0.1:1", "kafka_request_timeout_ms": 1_000}
    async with serve(keys_file=ring.file, **nowhere) as client:
        response = await client.delete("/log", params={"userId": "u"}, headers=admin)
        assert (response.status_code, response.json()["code"]) == (503, "log-unavailable")
    assert namespace.query("SELECT count() FROM {db}.erasures") == "0"
    assert count(namespace, VISIBLE, "u") == 1


async def test_from_the_request_to_the_disk(
    namespace: Namespace, serve: Serve, ring: KeyRing, start_service: StartService
) -> None:
    """What the sink has stored; the user comes back afterwards; nobody else loses a row."""
    admin = ring.add("boss", admin=True)
    hostile = "u'; \\ \t{x:String}"
    for partition in (0, 1):
        await topic.write(namespace, partition, records(hostile, 30) + records("other", 30), key=hostile.encode())
    await topic.write(namespace, 2, [b"no action"], key=hostile.encode())
    start(start_service)
    await until_counted(namespace, VISIBLE, "other", 60)
    async with serve(keys_file=ring.file, **QUICK) as client:
        asked = await erase(client, hostile, admin)
        removed = await until_state(client, asked["receipt"], admin, "removed")
        assert (removed["rows"], removed["rowsOnDisk"], removed["waitsFor"]) == (61, 0, 0)
        moments = ("requestedAt", "hiddenAt", "settledAt", "removedAt")
        times = [datetime.fromisoformat(removed[name]) for name in moments]  # a whole second has no fraction
        assert times == sorted(times)
        until = datetime.fromisoformat(removed["kafkaUntil"]) - datetime.fromisoformat(removed["requestedAt"])
        assert timedelta(days=7) < until < timedelta(days=15), "a segment's week and the topic's"
        shown = await client.get("/log", params={"userId": hostile}, headers=admin)
        assert shown.json()["actions"] == []
    assert namespace.query("SELECT count() FROM {db}.actions SETTINGS apply_deleted_mask = 0") == "60"
    assert namespace.query("SELECT count() FROM {db}.dead_letters SETTINGS apply_deleted_mask = 0") == "0"
    await topic.write(namespace, 0, records(hostile, 2))
    await until_counted(namespace, "SELECT count() FROM {{db}}.actions WHERE user_id NOT IN ('{user}')", "other", 2)
    assert namespace.query("SELECT count() FROM {db}.actions WHERE user_id = 'other'") == "60"


async def test_what_was_accepted_before_and_is_stored_later_is_erased_too(
    namespace: Namespace, serve: Serve, ring: KeyRing, start_service: StartService
) -> None:
    """The sink was away. What came after the request stays."""
    admin = ring.add("boss", admin=True)
    await topic.write(namespace, 0, records("u", 20) + records("other", 5))
    async with serve(keys_file=ring.file, **QUICK) as client:
        asked = await erase(client, "u", admin)
        assert (asked["state"], asked["rows"], asked["waitsFor"]) == ("hidden", 0, 25)
        await topic.write(namespace, 0, records("u", 3))
        start(start_service)
        await until_state(client, asked["receipt"], admin, "removed")
        await until_counted(namespace, PHYSICAL, "u", 3)
        assert namespace.query("SELECT count(), min(offset) FROM {db}.actions WHERE user_id = 'u'") == "3\t25"
        assert count(namespace, VISIBLE, "other") == 5


@pytest.mark.parametrize("stored", ["nothing", "one month", "all"])
async def test_a_block_that_the_sink_has_begun_is_left_alone_until_it_is_finished(
    namespace: Namespace, serve: Serve, ring: KeyRing, start_service: StartService, stored: str
) -> None:
    """It is read back when the sink returns: with rows gone it would be torn, or stored again."""
    admin = ring.add("boss", admin=True)
    values = records("u", 20) + records("other", 20)
    await topic.write(namespace, 0, values)
    await topic.commit(namespace, {0: Position(0, intent=40)})
    await _store(namespace, values, {"nothing": 0, "one month": 1, "all": 3}[stored])
    before = count(namespace, VISIBLE, "u")
    async with serve(keys_file=ring.file, **QUICK) as client:
        asked = await erase(client, "u", admin)
        assert (asked["state"], asked["waitsFor"]) == ("hidden", 40)
        assert count(namespace, VISIBLE, "u") == before
        sink = start(start_service)
        await until_state(client, asked["receipt"], admin, "removed")
        assert (count(namespace, PHYSICAL, "u"), count(namespace, PHYSICAL, "other")) == (0, 20)
        sink.wait_ready()


async def _store(namespace: Namespace, values: Sequence[bytes], months: int) -> None:
    """As a sink would that died before it committed."""
    from consumer.settings import Settings
    from consumer.store import Store

    environment = namespace.environment("consumer")
    store = Store(Settings.model_validate({k.removeprefix("CONSUMER_").lower(): v for k, v in environment.items()}))
    await store.open()
    written = [Record(offset, value) for offset, value in enumerate(values)]
    for part in build(namespace.topic, 0, 0, len(values), written).sub_blocks[:months]:
        await store.insert(part, part.token)
    await store.close()


async def test_it_goes_on_where_a_process_died_and_several_do_no_harm(
    namespace: Namespace, serve: Serve, ring: KeyRing, start_service: StartService
) -> None:
    admin = ring.add("boss", admin=True)
    await topic.write(namespace, 0, records("u", 10))
    async with serve(keys_file=ring.file, **{**QUICK, "erase_check_s": 1_000}) as client:
        asked = await erase(client, "u", admin)
    start(start_service)
    async with (
        serve(keys_file=ring.file, **QUICK) as client,
        serve(keys_file=ring.file, **QUICK),
        serve(keys_file=ring.file, **QUICK),
    ):
        await until_state(client, asked["receipt"], admin, "removed")
    assert count(namespace, PHYSICAL, "u") == 0
    assert namespace.query("SELECT countIf(state = 'requested') FROM {db}.erasures") == "1"


async def test_many_that_wait_for_merges_do_not_hold_up_one_whose_rows_may_still_be_stored(
    namespace: Namespace,
) -> None:
    columns = "{db}.erasures (id, state, user_id, requested_by, topic, at)"
    for state, rows, at in (("settled", 1_500, "now() - 60"), ("hidden", 1, "now()"), ("removed", 1, "now()")):
        written = f"SELECT generateUUIDv4(number), arrayJoin(['requested', '{state}']), '{state}', 'boss'"
        namespace.query(f"INSERT INTO {columns} {written}, '{namespace.topic}', {at} FROM numbers({rows})")
    environment = namespace.environment("query_api")
    store = ErasureStore(
        Settings.model_validate({name.removeprefix("QUERY_").lower(): value for name, value in environment.items()})
    )
    try:
        unfinished = await store.unfinished()
    finally:
        await store.close()
    assert [erasure.user_id for erasure in unfinished[:2]] == ["hidden", "settled"]
    assert len(unfinished) == 1_000


async def test_rows_of_an_earlier_topic_and_of_a_replaced_table_are_erased_too(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    """They stand at offsets that this topic has not reached, and in the table that a rebuild has kept."""
    admin = ring.add("boss", admin=True)
    insert(namespace, [Stored(uuid.uuid4(), user, "t", datetime(2020, 1, 1, tzinfo=UTC)) for user in ("u", "u", "v")])
    namespace.query("CREATE TABLE {db}.actions_before_rebuild AS {db}.actions")
    namespace.query("INSERT INTO {db}.actions_before_rebuild SELECT * FROM {db}.actions")
    async with serve(keys_file=ring.file, **QUICK) as client:
        asked = await erase(client, "u", admin)
        removed = await until_state(client, asked["receipt"], admin, "removed")
        assert (asked["state"], asked["rows"]) in {("settled", 4), ("requested", 0)}, "the first step, or it took long"
        assert removed["rows"] == 4
    assert [count(namespace, PHYSICAL, user) for user in ("u", "v")] == [0, 1]
    old = "SELECT count() FROM {db}.actions_before_rebuild SETTINGS apply_deleted_mask = 0"
    assert namespace.query(old) == "1"


async def test_merges_are_given_time_before_parts_are_written_anew(
    namespace: Namespace, serve: Serve, ring: KeyRing
) -> None:
    admin = ring.add("boss", admin=True)
    namespace.query("SYSTEM STOP MERGES {db}.actions")
    insert(namespace, [Stored(uuid.uuid4(), "u", "t", datetime(2020, 1, 1, tzinfo=UTC))])
    insert(namespace, [Stored(uuid.uuid4(), "v", "t", datetime(2020, 1, 1, tzinfo=UTC))])
    namespace.query("SYSTEM START MERGES {db}.actions")
    async with serve(keys_file=ring.file, **{**QUICK, "erase_after_hours": 1}) as client:
        asked = await erase(client, "u", admin)
        settled = await until_state(client, asked["receipt"], admin, "settled")
        assert (settled["rows"], settled["rowsOnDisk"], settled["removedAt"]) == (1, 1, None)
        namespace.query("OPTIMIZE TABLE {db}.actions FINAL")
        removed = await until_state(client, asked["receipt"], admin, "removed")
        assert removed["rowsOnDisk"] == 0
    assert namespace.query("SELECT countIf(state = 'removing') FROM {db}.erasures") == "0"


def test_whose_actions_were_erased_is_in_no_log(
    namespace: Namespace, start_service: StartService, ring: KeyRing
) -> None:
    admin = ring.add("boss", admin=True)
    service = start_service("query_api", KEYS_FILE=str(ring.file), LOG_LEVEL="debug", **live.PATIENT)
    url = f"{service.url}/log?userId=someone-in-particular"
    assert httpx.delete(url, headers=admin, timeout=30).status_code == 202
    wait_until(lambda: "an erasure was requested" in service.log, 10, "it is logged")
    assert '"key": "boss"' in service.log.replace('"key":"boss"', '"key": "boss"')
    assert "someone-in-particular" not in service.log

"""The store on the real engine: what it stores, what it finds again, and that it sends nothing twice by itself."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from consumer.block import SubBlock, build
from consumer.delivery import Delivery
from consumer.errors import StoreRefused, StoreUnavailable
from consumer.settings import Settings
from consumer.store import _INSERT, Presence, Store
from tests.namespace import Namespace
from tests.unit.consumer.records import NOON, Record, action, record
from tests.waiting import wait_until_async

ODD = b'{ "a" : 1.0,\n "b":1e400,"a":[ {"\\u00e9":null} ],"c":12345678901234567890123 }'


def part(*records: Record, partition: int = 0) -> SubBlock:
    block = build("actions", partition, records[0].offset, records[-1].offset + 1, records)
    [only] = block.sub_blocks
    return only


async def test_every_field_is_stored_as_it_came(store: Store, namespace: Namespace) -> None:
    item = action(user_id='ü"\\\n\t', time=datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), properties=ODD)
    await store.insert(part(record(41, item), partition=7), "token")
    row = namespace.query(
        "SELECT event_id, user_id, session_id, type, toString(time), utc_offset_minutes, toString(received_at),"
        " hex(properties), partition, offset FROM {db}.actions FORMAT TSVRaw"
    )
    expected = [item.event_id, 'ü"\\\n\t', "session", "CLICK", "2199-12-31 23:59:59.999999", "-360"]
    assert row == "\t".join([*expected, "2026-03-14 12:00:00.250000", ODD.hex().upper(), "7", "41"])


async def test_a_dead_letter_keeps_its_raw_bytes(store: Store, namespace: Namespace) -> None:
    await store.insert(part(Record(3, bytes(range(256)) * 2, key=None)), "token")
    row = namespace.query("SELECT topic, partition, offset, hex(value), key, error_code FROM {db}.dead_letters")
    assert row == "\t".join(["actions", "0", "3", (bytes(range(256)) * 2).hex().upper(), "", "0"])


async def test_a_block_is_one_part_of_the_table(store: Store, namespace: Namespace) -> None:
    """One part means one ClickHouse block, and that is what makes the insert atomic."""
    namespace.query("SYSTEM STOP MERGES {db}.actions")
    item = action(properties=b'{"text":"' + b"x" * 500 + b'"}')
    await store.insert(part(*(record(offset, item) for offset in range(60_000))), "token")
    assert namespace.query("SELECT count(), uniqExact(_part) FROM {db}.actions") == "60000\t1"


async def test_an_insert_over_two_months_is_refused_whole(store: Store, namespace: Namespace) -> None:
    march, april = part(record(0)), part(record(1, action(time=NOON + timedelta(days=30))))
    both = dataclasses.replace(march, body=march.body + april.body)
    with pytest.raises((StoreUnavailable, StoreRefused), match="partitions"):
        await store.insert(both, "token")
    assert namespace.query("SELECT count() FROM {db}.actions") == "0"


async def test_presence_knows_none_all_and_half(store: Store, namespace: Namespace) -> None:
    block = part(*(record(offset) for offset in range(10, 20)))
    assert await store.presence(block) is Presence.NONE
    await store.insert(block, "token")
    assert await store.presence(block) is Presence.ALL
    namespace.query("ALTER TABLE {db}.actions DELETE WHERE offset >= 15 SETTINGS mutations_sync = 2")
    assert await store.presence(block) is Presence.SOME


async def test_rows_merged_into_a_later_copy_of_their_action_count_as_stored(
    store: Store, namespace: Namespace
) -> None:
    """A client sent its actions twice: the table keeps one row of each id, and the first offsets disappear."""
    items = [action() for _ in range(6_000)]
    first = part(*(record(offset, item) for offset, item in enumerate(items)))
    await store.insert(first, "first")
    await store.insert(part(*(record(9_000 + offset, item) for offset, item in enumerate(items))), "again")
    namespace.query("OPTIMIZE TABLE {db}.actions FINAL")
    assert namespace.query("SELECT count() FROM {db}.actions") == "6000"
    assert await store.presence(first) is Presence.ALL


async def test_copies_elsewhere_are_no_proof_of_a_block_that_is_only_partly_theirs(store: Store) -> None:
    items = [action() for _ in range(10)]
    await store.insert(part(*(record(offset, item) for offset, item in enumerate(items[:4]))), "earlier")
    later = part(*(record(100 + offset, item) for offset, item in enumerate(items)))
    assert await store.presence(later) is Presence.NONE


async def test_erased_rows_were_stored_all_the_same(store: Store, namespace: Namespace) -> None:
    block = part(*(record(offset) for offset in range(10)))
    await store.insert(block, "token")
    namespace.query("DELETE FROM {db}.actions WHERE 1")
    assert namespace.query("SELECT count() FROM {db}.actions") == "0"
    assert await store.presence(block) is Presence.ALL


async def test_a_token_that_is_known_while_its_rows_are_gone_does_not_lose_the_block(
    store: Store, settings: Settings, namespace: Namespace
) -> None:
    """A mutation removes the rows and keeps the deduplication log: what a kill before the rename leaves behind."""
    block = build("actions", 0, 0, 5, [record(offset) for offset in range(5)])
    [only] = block.sub_blocks
    await store.insert(only, only.token)
    namespace.query("ALTER TABLE {db}.actions DELETE WHERE 1 SETTINGS mutations_sync = 2")
    await store.insert(only, only.token)
    assert namespace.query("SELECT count() FROM {db}.actions") == "0", "the engine answers 200 and stores nothing"
    await Delivery(store, settings).deliver(block, begun=True)
    assert namespace.query("SELECT count(), uniqExact(event_id) FROM {db}.actions") == "5\t5"


async def test_an_insert_is_sent_once_when_the_server_hangs_up(settings: Settings, store: Store) -> None:
    """clickhouse-connect repeats a request with a body of bytes by itself: its 200 would then prove nothing."""
    inserts = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal inserts
        head = await reader.readuntil(b"\r\n\r\n")
        inserts += b"INSERT" in head.upper()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert store._opened is not None
    store._opened._backend._base_url = f"http://127.0.0.1:{port}"
    with pytest.raises(StoreUnavailable):
        await store.insert(part(record(0)), "token")
    server.close()
    assert inserts == 1


async def test_kill_ends_an_attempt_that_still_runs(store: Store, namespace: Namespace) -> None:
    """A body that trickles for ever. ClickHouse begins after its first 256 KiB, and sees the KILL when more arrives."""
    block = part(*(record(offset) for offset in range(5_000)))

    async def endless() -> AsyncIterator[bytes]:
        yield block.body
        while True:
            await asyncio.sleep(0.01)
            yield block.body[:10_000]

    client = await store._client()
    insert = client.raw_insert(
        block.table, block.columns, endless(), _INSERT | {"query_id": f"{block.token}.3"}, block.format
    )
    running = f"SELECT count() FROM system.processes WHERE query_id = '{block.token}.3'"
    attempt = asyncio.create_task(insert)
    try:

        async def runs() -> bool:
            return namespace.query(running) == "1"

        await wait_until_async(runs, 60, "the attempt runs")
        await store.kill(block.token)
        assert namespace.query(running) == "0"
    finally:
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)


async def test_missing_tables_are_told_with_what_to_run(settings: Settings, namespace: Namespace) -> None:
    namespace.query("DROP TABLE {db}.dead_letters SYNC")
    store = Store(settings)
    try:
        with pytest.raises(StoreUnavailable, match=r"dead_letters lacks .*deploy\.setup"):
            await store.open()
    finally:
        await store.close()


async def test_with_a_quorum_a_replica_is_asked_to_catch_up_before_a_read_back(
    settings: Settings, namespace: Namespace
) -> None:
    """Replication can't be run here: that ClickHouse understands both, and has the right, is all that this shows."""
    store = Store(settings.model_copy(update={"insert_quorum": "auto"}))
    block = part(record(0))
    try:
        await store.insert(block, block.token)
        with pytest.raises(StoreRefused, match="is not replicated") as refused:
            await store.presence(block)
    finally:
        await store.close()
    assert refused.value.code == 36  # BAD_ARGUMENTS: it is no syntax error, nor a missing right
    assert namespace.query("SELECT count() FROM {db}.actions") == "1"

"""Actions that the table's rules refuse, on the real engine: they become dead letters, and nobody waits for them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from consumer.block import SubBlock, build
from consumer.delivery import Delivery
from consumer.errors import RefusedData
from consumer.intent import Position
from consumer.settings import Settings
from consumer.store import Presence, Store
from contract.record import ActionRecord
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.stack import StartService
from tests.unit.consumer.records import Record, action, record
from tests.waiting import wait_until

COUNTS = "SELECT count(), uniqExact(event_id) FROM {db}.actions"
LETTERS = "SELECT offset, error_code, count() FROM {db}.dead_letters GROUP BY ALL ORDER BY offset"
MONTHS = (datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def rule(namespace: Namespace) -> None:
    namespace.query("ALTER TABLE {db}.actions ADD CONSTRAINT no_poison CHECK type != 'POISON'")


def poison(time: datetime = MONTHS[1]) -> ActionRecord:
    return msgspec.structs.replace(action(time=time), type="POISON")


def records(count: int, poisoned: Sequence[int]) -> list[Record]:
    """Actions of three months in turn; those at the offsets in ``poisoned`` break the table's rule."""
    times = [MONTHS[offset % 3] + timedelta(seconds=offset) for offset in range(count)]
    return [
        record(offset, poison(time) if offset in poisoned else action(time=time)) for offset, time in enumerate(times)
    ]


async def test_one_refused_action_among_20000_of_three_months(
    store: Store, settings: Settings, namespace: Namespace
) -> None:
    items = records(20_000, [7_777])
    refused = await Delivery(store, settings).deliver(build(namespace.topic, 0, 0, 20_000, items), begun=False)
    assert refused == 1
    assert namespace.query(COUNTS) == "19999\t19999"
    assert namespace.query(LETTERS) == "7777\t469\t1"
    kept = namespace.query("SELECT hex(value), key, reason FROM {db}.dead_letters FORMAT TSVRaw").split("\t")
    assert kept[:2] == [(items[7_777].value or b"").hex().upper(), "user"]
    assert kept[2].startswith("Constraint `no_poison` for table")
    assert "type = 'POISON'" in kept[2]
    assert "127.0.0.1" not in kept[2], "where ClickHouse is does not concern a reader"


async def test_a_block_of_refused_actions_only(store: Store, settings: Settings, namespace: Namespace) -> None:
    items = records(20, range(20))
    assert await Delivery(store, settings).deliver(build(namespace.topic, 0, 0, 20, items), begun=False) == 20
    assert namespace.query(COUNTS) == "0\t0"
    assert namespace.query("SELECT count(), uniqExact(event_id) FROM {db}.dead_letters") == "20\t20"


class Killed(Exception):  # noqa: N818 - what happens to the process
    """No further request."""


class Dying:
    """The store of a process that dies after so many inserts."""

    def __init__(self, store: Store, inserts: int) -> None:
        self._store = store
        self._left = inserts

    async def insert(self, part: SubBlock, token: str) -> None:
        if self._left == 0:
            raise Killed
        self._left -= 1
        await self._store.insert(part, token)

    async def kill(self, token: str) -> None:
        await self._store.kill(token)

    async def presence(self, part: SubBlock) -> Presence:
        return await self._store.presence(part)


@pytest.mark.parametrize("inserts", [3, 5, 8, 13])
async def test_a_bisection_that_was_killed_is_finished_once(
    store: Store, settings: Settings, namespace: Namespace, inserts: int
) -> None:
    """The rows of the first month are 0, 3, ... 27: the whole is refused, then its first half, and so on."""
    bad = (0, 3, 10, 27)
    block = build(namespace.topic, 0, 0, 30, records(30, bad))
    try:
        await Delivery(Dying(store, inserts), settings).deliver(block, begun=False)
    except Killed:
        assert await Delivery(store, settings).deliver(block, begun=True) == 4
    assert namespace.query(COUNTS) == "26\t26"
    assert namespace.query(LETTERS) == "\n".join(f"{offset}\t469\t1" for offset in bad)
    assert await Delivery(store, settings).deliver(block, begun=True) == 4
    assert namespace.query(COUNTS) == "26\t26"
    assert namespace.query("SELECT count() FROM {db}.dead_letters") == "4"


async def test_the_inserts_of_a_process_that_wakes_late_are_dropped_or_refused(
    store: Store, settings: Settings, namespace: Namespace
) -> None:
    class Recording(Dying):
        sent: list[tuple[SubBlock, str]] = []  # noqa: RUF012 - one instance

        async def insert(self, part: SubBlock, token: str) -> None:
            self.sent.append((part, token))
            await super().insert(part, token)

    recording = Recording(store, 1_000)
    await Delivery(recording, settings).deliver(build(namespace.topic, 0, 0, 60, records(60, [5, 31])), begun=False)
    refused = 0
    for part, token in recording.sent:
        try:
            await store.insert(part, token)
        except RefusedData:
            refused += 1
    assert refused > 2
    assert namespace.query(COUNTS) == "58\t58"
    assert namespace.query("SELECT count() FROM {db}.dead_letters") == "2"


async def test_an_action_that_came_twice_in_one_block_is_told_apart_by_its_position(
    store: Store, settings: Settings, namespace: Namespace
) -> None:
    """One half is stored, the other shares an id with it and is not."""
    twice = action(time=MONTHS[1])
    items = [record(0, twice), record(1, action(time=MONTHS[1])), record(2, poison()), record(3, twice)]
    block = build(namespace.topic, 0, 0, 4, items)
    with pytest.raises(Killed):  # the whole, the first half, and the second, refused; its halves never come
        await Delivery(Dying(store, 3), settings).deliver(block, begun=False)
    assert namespace.query("SELECT arraySort(groupArray(offset)) FROM {db}.actions") == "[0,1]"
    assert await Delivery(store, settings).deliver(block, begun=True) == 1
    assert namespace.query("SELECT count() FROM {db}.actions FINAL") == "2"
    assert namespace.query(LETTERS) == "2\t469\t1"


async def test_rows_that_a_view_refuses_after_they_are_stored_are_not_stored_again(
    store: Store, settings: Settings, namespace: Namespace
) -> None:
    namespace.query("CREATE TABLE {db}.seen (x UInt8) ENGINE = MergeTree ORDER BY x")
    namespace.query(
        "CREATE MATERIALIZED VIEW {db}.throwing TO {db}.seen"
        " AS SELECT throwIf(user_id = 'user', 'not this one') AS x FROM {db}.actions"
    )
    block = build(namespace.topic, 0, 0, 30, records(30, []))
    await Delivery(store, settings).deliver(block, begun=False)
    assert namespace.query(COUNTS) == "30\t30"
    assert namespace.query("SELECT count() FROM {db}.dead_letters") == "0"


async def test_while_dead_letters_are_refused_the_offset_stays_and_it_goes_on_once_they_are_not(
    namespace: Namespace, start_service: StartService
) -> None:
    service = start_service(
        "consumer", port=None, FLUSH_AFTER_MS="50", BACKOFF_MAX_MS="200", KAFKA_SESSION_TIMEOUT_MS="2000"
    )
    namespace.query("RENAME TABLE {db}.dead_letters TO {db}.hidden")
    values = [item.value for item in records(30, [4])]
    await topic.write(namespace, 0, values)
    wait_until(lambda: namespace.query(COUNTS) == "29\t29", 60, "the others are stored")
    wait_until(lambda: "UNKNOWN_TABLE" in service.log, 60, "it says why it waits")
    wait_until(lambda: not service.is_ready(), 60, "unready")
    assert (await topic.committed(namespace))[0].committed == 0
    namespace.query("RENAME TABLE {db}.hidden TO {db}.dead_letters")
    wait_until(lambda: namespace.query(LETTERS) == "4\t469\t1", 60, "the dead letter is stored")
    wait_until(service.is_ready, 60, "ready again")
    assert namespace.query(COUNTS) == "29\t29"
    assert service.terminate() == 0
    assert await topic.committed(namespace) == {0: Position(30)}

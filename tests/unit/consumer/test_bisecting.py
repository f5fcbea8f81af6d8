"""Sub-blocks whose data is refused: what is good is stored once, what is refused becomes one dead letter."""

import asyncio
import contextlib
import math
from collections.abc import Iterator
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.block import SubBlock, build
from consumer.dead_letters import DeadLetter
from consumer.delivery import Delivery
from consumer.errors import RefusedData
from consumer.settings import Settings
from contract.record import decode
from contract.tables import ACTIONS
from tests.unit.consumer.fake_clickhouse import VIOLATED_CONSTRAINT, FakeClickHouse, Fate
from tests.unit.consumer.records import Record, record
from tests.waiting import wait_until_async

SETTINGS = Settings(backoff_first_ms=1, backoff_max_ms=1)
RECORDS = [record(offset) for offset in range(8)]
IDS = [decode(item.value).event_id for item in RECORDS]
BLOCK = build("actions", 0, 0, 8, RECORDS)

FATES = st.lists(st.sampled_from(Fate), max_size=12)
REFUSED = st.frozensets(st.sampled_from(IDS))


def letter_id(item: Record) -> str:
    return DeadLetter.of("actions", 0, item, "").event_id


def settled(store: FakeClickHouse) -> bool:
    """Whether each record is there exactly once: as a row, or as the dead letter of a refused one."""
    letters = [letter_id(item) for item, key in zip(RECORDS, IDS, strict=True) if key in store.refused]
    return sorted(store.rows) == sorted(set(IDS) - store.refused) and sorted(store.letters) == sorted(letters)


class Killed(Exception):  # noqa: N818 - what happens to the process
    """SIGKILL, as the store sees it: no further request."""


class Dying(FakeClickHouse):
    """The process that uses it dies at a request: before it arrives, or after it has its effect."""

    dies_at: int
    after: bool

    def dying(self, dies_at: int, *, after: bool) -> "Dying":
        self.dies_at, self.after = dies_at, after
        self._requests: Iterator[int] = count()
        return self

    async def insert(self, part: SubBlock, token: str) -> None:
        last = next(self._requests) >= self.dies_at
        if last and not self.after:
            raise Killed
        try:
            await super().insert(part, token)
        finally:
            if last:
                raise Killed

    async def kill(self, token: str) -> None:
        if next(self._requests) >= self.dies_at:
            raise Killed
        await super().kill(token)


@settings(deadline=None)
@given(FATES, REFUSED)
async def test_each_record_is_a_row_or_a_dead_letter_whatever_is_lost(
    fates: list[Fate], refused: frozenset[str]
) -> None:
    store = FakeClickHouse(iter(fates), refused)
    assert await Delivery(store, SETTINGS).deliver(BLOCK, begun=False) == len(refused)
    assert settled(store)


@settings(max_examples=300, deadline=None)
@given(FATES, FATES, REFUSED, st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=3))
async def test_a_successor_finishes_a_bisection_that_was_killed_anywhere(
    first: list[Fate], last: list[Fate], refused: frozenset[str], deaths: list[tuple[int, bool]]
) -> None:
    store = Dying(iter(first), refused)
    begun = False
    for dies_at, after in deaths:
        with contextlib.suppress(Killed):
            await Delivery(store.dying(dies_at, after=after), SETTINGS).deliver(BLOCK, begun=begun)
        begun = True
    store.fates = iter(last)
    await Delivery(store.dying(10_000, after=False), SETTINGS).deliver(BLOCK, begun=begun)
    assert settled(store)


@settings(max_examples=200, deadline=None)
@given(FATES, REFUSED, st.integers(0, 40), st.randoms())
async def test_inserts_that_arrive_late_store_nothing_again(
    fates: list[Fate], refused: frozenset[str], dies_at: int, order: Random
) -> None:
    """A stopped owner wakes up: whatever it sent comes once more, in any order."""
    store = Dying(iter(fates), refused)
    with contextlib.suppress(Killed):
        await Delivery(store.dying(dies_at, after=True), SETTINGS).deliver(BLOCK, begun=False)
    store.fates = iter([])
    await Delivery(store.dying(10_000, after=False), SETTINGS).deliver(BLOCK, begun=True)
    assert settled(store)
    late = list(store.inserts)
    order.shuffle(late)
    for part, token in late:
        with contextlib.suppress(RefusedData):
            await store.insert(part, token)
    assert settled(store)


@settings(deadline=None)
@given(REFUSED, REFUSED, st.integers(0, 40))
async def test_rules_that_change_between_two_owners_lose_nothing(
    before: frozenset[str], after: frozenset[str], dies_at: int
) -> None:
    """A record refused first and accepted later may be both, dead letter and row; none is neither, none is twice."""
    store = Dying(iter([]), before)
    try:
        await Delivery(store.dying(dies_at, after=True), SETTINGS).deliver(BLOCK, begun=False)
    except Killed:
        store.refused = after
        await Delivery(store.dying(10_000, after=False), SETTINGS).deliver(BLOCK, begun=True)
    kept = {key for item, key in zip(RECORDS, IDS, strict=True) if letter_id(item) in store.letters}
    assert set(store.rows) | kept == set(IDS)
    assert len(store.rows) == len(set(store.rows))
    assert len(store.letters) == len(set(store.letters))


@pytest.mark.parametrize("bad", [1, 3, 1_024])
async def test_the_inserts_grow_with_the_refused_rows_and_not_with_their_square(bad: int) -> None:
    rows = 1_024
    records = [record(offset) for offset in range(rows)]
    refused = frozenset(decode(item.value).event_id for item in records[: bad * 100 : 100] if bad < rows) or frozenset(
        decode(item.value).event_id for item in records
    )
    store = FakeClickHouse(iter([]), refused)
    await Delivery(store, SETTINGS).deliver(build("actions", 0, 0, rows, records), begun=False)
    assert len(store.letters) == bad
    assert len(store.inserts) <= min(3 * rows, bad * (2 * math.log2(rows) + 1)) + 2


async def test_a_row_refused_once_and_accepted_then_is_no_dead_letter() -> None:
    """A body that was cut on its way is refused like a bad value."""

    class Cutting(FakeClickHouse):
        async def insert(self, part: SubBlock, token: str) -> None:
            if not self.inserts:
                self.inserts.append((part, token))
                raise RefusedData("Cannot parse JSON string: expected closing quote", 26)
            await super().insert(part, token)

    store = Cutting(iter([]))
    block = build("actions", 0, 0, 1, RECORDS[:1])
    assert await Delivery(store, SETTINGS).deliver(block, begun=False) == 0
    assert (store.rows, store.letters) == (IDS[:1], [])


async def test_rows_that_are_there_in_spite_of_a_refusal_are_stored() -> None:
    """A materialised view refuses after the rows are in the table: bisecting would store them twice."""

    class WithView(FakeClickHouse):
        async def insert(self, part: SubBlock, token: str) -> None:
            await super().insert(part, token)
            raise RefusedData("the view threw", 395)

    store = WithView(iter([]))
    assert await Delivery(store, SETTINGS).deliver(BLOCK, begun=False) == 0
    assert sorted(store.rows) == sorted(IDS)
    assert store.letters == []


async def test_the_dead_letter_tells_the_code_and_keeps_the_raw_record() -> None:
    store = FakeClickHouse(iter([]), frozenset(IDS[3:4]))
    await Delivery(store, SETTINGS).deliver(BLOCK, begun=False)
    [part] = [part for part, _ in store.inserts if part.table != ACTIONS]
    expected = DeadLetter.of("actions", 0, RECORDS[3], "Constraint `rule` is violated", VIOLATED_CONSTRAINT)
    assert part.sources == (expected,)
    assert (part.start, part.end) == (3, 4)


async def test_dead_letters_that_are_refused_are_waited_for_and_told() -> None:
    class Full(FakeClickHouse):
        full = True

        async def insert(self, part: SubBlock, token: str) -> None:
            if part.table != ACTIONS and self.full:
                raise RefusedData("dead letters have a rule of their own", VIOLATED_CONSTRAINT)
            await super().insert(part, token)

    store = Full(iter([]), frozenset(IDS[:2]))
    delivery = Delivery(store, SETTINGS)
    delivering = asyncio.create_task(delivery.deliver(BLOCK, begun=False))

    async def waits() -> bool:
        return delivery.trouble == "dead letters have a rule of their own"

    try:
        await wait_until_async(waits, 5, "it waits")
        assert not delivering.done()
        store.full = False
        async with asyncio.timeout(5):
            assert await delivering == 2
    finally:
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
    assert settled(store)


OK, LOST, HOLE = Fate.ANSWERED, Fate.LOST_REQUEST, Fate.HOLE
TO_FIRST_HALF = [OK, OK]  # the whole is refused, and read back; the third request inserts the first half


async def recovered(fates: list[Fate], refused: frozenset[str], dies_at: int) -> Dying:
    """The first owner dies at an insert or KILL, once it had its effect; a successor finishes the block."""
    store = Dying(iter(fates), refused)
    with pytest.raises(Killed):
        await Delivery(store.dying(dies_at, after=True), SETTINGS).deliver(BLOCK, begun=False)
    store.fates = iter([])
    await Delivery(store.dying(10_000, after=False), SETTINGS).deliver(BLOCK, begun=True)
    return store


async def test_a_half_that_was_on_its_way_when_its_owner_died_is_dropped_when_it_arrives() -> None:
    store = await recovered([*TO_FIRST_HALF, LOST], frozenset(IDS[7:]), dies_at=1)
    assert settled(store)
    [late] = [(part, token) for part, token in store.inserts[:2] if part.rows == 4]
    await store.insert(*late)
    assert settled(store)


async def test_a_half_whose_token_is_known_but_whose_rows_are_gone_is_stored() -> None:
    assert settled(await recovered([*TO_FIRST_HALF, HOLE], frozenset(IDS[7:]), dies_at=1))


async def test_a_dead_letter_whose_token_is_known_but_whose_row_is_gone_is_stored() -> None:
    block = build("actions", 0, 0, 1, RECORDS[:1])
    store = Dying(iter([OK] * 4 + [HOLE]), frozenset(IDS[:1]))
    with pytest.raises(Killed):  # insert, read-back, insert, read-back, and the dead letter's insert
        await Delivery(store.dying(2, after=True), SETTINGS).deliver(block, begun=False)
    assert (store.rows, store.letters) == ([], [])
    await Delivery(store.dying(10_000, after=False), SETTINGS).deliver(block, begun=True)
    assert (store.rows, store.letters) == ([], [letter_id(RECORDS[0])])

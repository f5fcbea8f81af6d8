import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.block import SubBlock, build
from consumer.delivery import Delivery
from consumer.errors import StoreRefused, StoreUnavailable, TornBlock
from consumer.settings import Settings
from tests.unit.consumer.fake_clickhouse import FakeClickHouse, Fate
from tests.unit.consumer.records import record
from tests.waiting import wait_until_async

SETTINGS = Settings(backoff_first_ms=1, backoff_max_ms=1)
BLOCK = build("actions", 0, 0, 4, [record(offset) for offset in range(4)])
[PART] = BLOCK.sub_blocks
FATES = st.lists(st.sampled_from(Fate), max_size=6)


async def deliver(store: FakeClickHouse, *, begun: bool = False) -> None:
    await Delivery(store, SETTINGS).deliver(BLOCK, begun=begun)


@settings(deadline=None)
@given(FATES)
async def test_every_row_is_stored_once_whatever_is_lost(fates: list[Fate]) -> None:
    store = FakeClickHouse(iter(fates))
    await deliver(store)
    assert sorted(store.rows) == sorted(PART.event_ids)


@settings(deadline=None)
@given(FATES, FATES)
async def test_a_successor_finishes_what_was_begun(first: list[Fate], second: list[Fate]) -> None:
    """The first owner dies after an attempt, anywhere in its outcome; the next one recovers the intent."""
    store = FakeClickHouse(iter(first))
    with contextlib.suppress(StoreUnavailable):
        await store.insert(PART, PART.token)
    store.fates = iter(second)
    await deliver(store, begun=True)
    assert sorted(store.rows) == sorted(PART.event_ids)


@settings(deadline=None)
@given(st.lists(st.sampled_from(Fate), max_size=4))
async def test_a_zombie_that_wakes_late_stores_nothing_again(fates: list[Fate]) -> None:
    store = FakeClickHouse(iter(fates))
    await deliver(store)
    store.fates = iter([])
    await deliver(store, begun=True)
    for token in store.tokens:
        await store.insert(PART, token)
    assert sorted(store.rows) == sorted(PART.event_ids)


async def test_trusting_the_token_would_lose_the_block() -> None:
    """Why the read-back is there: the fake holds the hole that the real engine has."""
    store = FakeClickHouse(iter([Fate.HOLE]))
    with pytest.raises(StoreUnavailable):
        await store.insert(PART, PART.token)
    await store.insert(PART, PART.token)  # answered, and nothing is there
    assert store.rows == []


async def test_half_a_block_that_nobody_split_stops_and_says_so() -> None:
    store = FakeClickHouse(iter([Fate.LOST_REQUEST]))
    store.rows = list(PART.event_ids[:2])
    with pytest.raises(TornBlock, match="partition 0"):
        await deliver(store)


async def test_trouble_is_told_while_it_lasts_and_gone_after() -> None:
    told: list[str | None] = []

    class Telling(FakeClickHouse):
        async def kill(self, token: str) -> None:
            told.append(delivery.trouble)

    store = Telling(iter([Fate.LOST_REQUEST]))
    delivery = Delivery(store, SETTINGS)
    await delivery.deliver(BLOCK, begun=False)
    assert set(told) == {"connection refused"}
    assert delivery.trouble is None


async def test_a_block_that_is_refused_holds_no_other_up() -> None:
    class Refusing(FakeClickHouse):
        async def insert(self, part: SubBlock, token: str) -> None:
            if part.partition == 0:
                raise StoreRefused("no such column", 16)
            await super().insert(part, token)

    store = Refusing(iter([]))
    delivery = Delivery(store, SETTINGS.model_copy(update={"max_concurrent_inserts": 1}))
    stuck = asyncio.create_task(delivery.deliver(BLOCK, begun=False))

    async def is_refused() -> bool:
        return delivery.trouble == "no such column"

    try:
        await wait_until_async(is_refused, 5, "the first block is refused")
        other = build("actions", 1, 0, 1, [record(0)])
        async with asyncio.timeout(5):
            await delivery.deliver(other, begun=False)
        assert store.rows == list(other.sub_blocks[0].event_ids)
        assert not stuck.done(), "it is asked for again, for ever"
    finally:
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)

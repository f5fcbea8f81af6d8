"""Blocks find their shard, and a shard that is away, silent, or not named any more holds up its own blocks only."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.block import Block, SubBlock, build
from consumer.delivery import Delivery
from consumer.dispatch import Dispatch
from consumer.errors import StoreUnavailable
from consumer.partition import Cut
from consumer.settings import Settings
from consumer.shards import Everywhere, Shards
from consumer.store import Presence, Store
from tests.unit.consumer.fake_clickhouse import FakeClickHouse, Fate
from tests.unit.consumer.records import record
from tests.waiting import wait_until_async

SETTINGS = Settings(backoff_first_ms=1, backoff_max_ms=1, max_concurrent_inserts=1)
BLOCK = build("actions", 0, 0, 4, [record(offset) for offset in range(4)])
[PART] = BLOCK.sub_blocks


class Server(Store):
    """The store's verbs over a fake server. ``silent``: it takes requests and does not answer."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.fake = FakeClickHouse(iter([]))
        self.silent = False
        self.asked = False
        self.away = False
        self.holds = False

    async def open(self) -> None:
        await self._answer()

    async def insert(self, part: SubBlock, token: str) -> None:
        await self._answer()
        await self.fake.insert(part, token)

    async def kill(self, token: str) -> None:
        await self._answer()

    async def presence(self, part: SubBlock) -> Presence:
        await self._answer()
        return await self.fake.presence(part)

    async def known(self, partition: int) -> bool:
        await self._answer()
        return self.holds

    async def _answer(self) -> None:
        self.asked = True
        if self.away:
            raise StoreUnavailable("away")
        if self.silent:
            await asyncio.Event().wait()


async def nothing() -> None:
    """Confirms."""


def cut(shard: int | None, *, in_doubt: bool = False) -> Cut:
    return Cut(0, 4, [], in_doubt, shard, in_doubt)


async def deliver(dispatch: Dispatch, to: Cut, block: Block = BLOCK) -> None:
    await dispatch.to(to).deliver(block, begun=to.begun)


def test_with_one_server_nothing_names_a_shard() -> None:
    assert Shards([Server()]).shard_of(7) is None
    assert [Shards([Server(), Server(), Server()]).shard_of(number) for number in range(5)] == [0, 1, 2, 0, 1]


async def test_a_block_goes_to_its_shard_and_one_without_a_name_to_the_first() -> None:
    servers = [Server(), Server()]
    dispatch = Dispatch(Shards(servers), SETTINGS, nothing)
    other = build("actions", 1, 0, 1, [record(0)])
    await deliver(dispatch, cut(1))
    await deliver(dispatch, cut(None), other)
    assert [server.fake.rows for server in servers] == [list(other.sub_blocks[0].event_ids), list(PART.event_ids)]


async def test_a_silent_shard_takes_no_turns_from_the_others() -> None:
    """One insert at once on each shard: the silent one's does not count for the other."""
    silent, well = Server(), Server()
    silent.silent = True
    dispatch = Dispatch(Shards([silent, well]), SETTINGS, nothing)
    stuck = [asyncio.create_task(deliver(dispatch, cut(0))) for _ in range(3)]

    async def asked() -> bool:
        return silent.asked

    try:
        await wait_until_async(asked, 5, "the silent shard is asked")
        async with asyncio.timeout(5):
            await deliver(dispatch, cut(1))
        assert well.fake.rows == list(PART.event_ids)
        assert not any(task.done() for task in stuck)
    finally:
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_shard_that_is_away_is_told_with_its_number_until_it_is_back() -> None:
    servers = [Server(), Server()]
    servers[1].away = True
    dispatch = Dispatch(Shards(servers), SETTINGS, nothing)
    waiting = asyncio.create_task(deliver(dispatch, cut(1)))

    async def told() -> bool:
        return dispatch.troubles() == [None, "away"]

    await wait_until_async(told, 5, "shard 1 is waited for")
    assert (dispatch.trouble, dispatch.trouble_of("actions-0-"), dispatch.trouble_of("actions-1-")) == (
        "away",
        "away",
        None,
    )
    servers[1].away = False
    async with asyncio.timeout(5):
        await waiting
    assert (servers[1].fake.rows, dispatch.trouble) == (list(PART.event_ids), None)


async def test_a_block_begun_on_a_shard_that_is_not_named_any_more_waits_and_says_so() -> None:
    dispatch = Dispatch(Shards([Server(), Server()]), SETTINGS, nothing)
    waiting = asyncio.create_task(deliver(dispatch, cut(2)))

    async def told() -> bool:
        return "begun on shard 2" in (dispatch.trouble or "")

    try:
        await wait_until_async(told, 5, "the missing shard is named")
        assert not waiting.done()
        assert dispatch.troubles() == [None, None, dispatch.trouble]
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@settings(deadline=None)
@given(st.lists(st.sampled_from((None, 0, 1, 2)), min_size=4, max_size=4), st.integers(0, 2))
async def test_a_block_in_doubt_is_stored_once_wherever_its_rows_are(places: list[int | None], home: int) -> None:
    """Rows of it stand on any shards, or nowhere: what is nowhere goes home, and nothing is stored again."""
    fakes = [FakeClickHouse(iter([])) for _ in range(3)]
    for event_id, place in zip(PART.event_ids, places, strict=True):
        if place is not None:
            fakes[place].rows.append(event_id)
    before = [list(fake.rows) for fake in fakes]
    await Delivery(Everywhere(fakes[home], fakes), SETTINGS).deliver(BLOCK, begun=True)
    assert sorted(event_id for fake in fakes for event_id in fake.rows) == sorted(PART.event_ids)
    added = [fake.rows[len(rows) :] for fake, rows in zip(fakes, before, strict=True)]
    assert [bool(rows) for rows in added] == [None in places and number == home for number in range(3)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(Fate), max_size=5), st.integers(0, 1))
async def test_a_block_in_doubt_is_stored_once_whatever_is_lost(fates: list[Fate], home: int) -> None:
    fakes = [FakeClickHouse(iter(fates)), FakeClickHouse(iter(fates))]
    await Delivery(Everywhere(fakes[home], fakes), SETTINGS).deliver(BLOCK, begun=True)
    assert sorted([*fakes[0].rows, *fakes[1].rows]) == sorted(PART.event_ids)


@pytest.mark.parametrize(("states", "known"), [(("", ""), False), (("", "holds"), True), (("away", ""), True)])
async def test_a_partition_is_new_only_when_every_shard_says_so(states: tuple[str, ...], known: bool) -> None:
    servers = [Server(), Server()]
    for server, state in zip(servers, states, strict=True):
        server.holds, server.away = state == "holds", state == "away"
    assert await Shards(servers).known(0) is known


async def test_one_shard_is_enough_to_start_and_none_is_not() -> None:
    servers = [Server(), Server(), Server()]
    servers[0].away = servers[1].silent = True
    shards = Shards(servers)
    async with asyncio.timeout(5):
        await shards.open()
        servers[1].silent, servers[1].away, servers[2].away = False, True, True
        with pytest.raises(StoreUnavailable, match="away"):
            await shards.open()
        await shards.close()

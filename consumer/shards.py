"""The shards: several ClickHouse servers, each with the tables, each holding the rows of some partitions.

Partition p's blocks go to shard p modulo their number. A block that is begun stays on the shard that its intent names
(consumer.intent), since there may be more shards by then. One server is one shard, and nothing names it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from consumer.block import SubBlock
from consumer.delivery import BlockStore
from consumer.errors import StoreRefused, StoreUnavailable
from consumer.settings import Settings
from consumer.store import Presence, Store

_log = structlog.get_logger(__name__)

_NO_CODE: Final = 0  # ClickHouse was not asked


def home_of(partition: int, shards: int) -> int:
    """The shard of a partition's next blocks. One user's records are in one partition: resends meet on one shard."""
    return partition % shards


class Shards:
    """The stores, in the order of the settings. A shard that is away is waited for by what needs it, and only that."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self.stores = tuple(stores)
        self._opening = set[asyncio.Task[StoreUnavailable | StoreRefused | None]]()

    @classmethod
    def of(cls, settings: Settings) -> "Shards":
        several = len(settings.shard_urls) > 1
        return cls([Store(settings, number if several else None) for number in range(len(settings.shard_urls))])

    def __len__(self) -> int:
        return len(self.stores)

    def shard_of(self, partition: int) -> int | None:
        """Where the partition's next blocks go; None where there is one shard only."""
        return home_of(partition, len(self.stores)) if len(self.stores) > 1 else None

    def at(self, shard: int | None) -> BlockStore:
        """The store of a shard that an intent names; None: the first, which was the only one."""
        return self.stores[shard or 0] if (shard or 0) < len(self.stores) else NoShard(shard or 0, len(self.stores))

    def everywhere(self, shard: int | None) -> BlockStore:
        """Of a block that may be stored on any shard, and goes to this one where it is not."""
        return Everywhere(self.at(shard), self.stores) if len(self.stores) > 1 else self.at(shard)

    async def open(self) -> None:
        """Until one shard is there. Raises StoreUnavailable or StoreRefused when none is."""
        opening = [asyncio.create_task(_opened(store)) for store in self.stores]
        self._opening.update(opening)
        failures: list[StoreUnavailable | StoreRefused] = []
        for answer in asyncio.as_completed(opening):
            failure = await answer
            if failure is None:
                return
            failures.append(failure)
            if len(opening) > 1:
                _log.warning("a shard is waited for", reason=str(failure))
        raise failures[0]

    async def close(self) -> None:
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for store in self.stores:
            await store.close()

    async def known(self, partition: int) -> bool:
        """Whether the tables may hold any row of the partition: on any shard, since others held it before."""
        answers = await asyncio.gather(*(self._may_hold(store, partition) for store in self.stores))
        return any(answers)

    @staticmethod
    async def _may_hold(store: Store, partition: int) -> bool:
        try:
            return await store.known(partition)
        except (StoreUnavailable, StoreRefused):
            return True  # a needless read-back is cheaper than waiting


async def _opened(store: Store) -> StoreUnavailable | StoreRefused | None:
    try:
        await store.open()
    except (StoreUnavailable, StoreRefused) as error:
        return error
    return None


class Everywhere:
    """A block's store when nobody knows on which shard rows of it may stand: every shard must be there to be asked."""

    def __init__(self, home: BlockStore, stores: Sequence[BlockStore]) -> None:
        self._home = home
        self._stores = stores

    async def insert(self, part: SubBlock, token: str) -> None:
        await self._home.insert(part, token)

    async def kill(self, token: str) -> None:
        for store in self._stores:
            await store.kill(token)

    async def presence(self, part: SubBlock) -> Presence:
        """Rows that are spread over shards are SOME here, until halves have told them apart."""
        found = [await store.presence(part) for store in self._stores]
        return next(each for each in (Presence.ALL, Presence.SOME, Presence.NONE) if each in found)


class NoShard:
    """What an intent names, and the settings do not have: its block waits until they do again."""

    def __init__(self, shard: int, shards: int) -> None:
        self._refusal = (
            f"a block was begun on shard {shard}, and clickhouse_shard_urls names {shards}:"
            " the order of the shards is for ever, new ones are appended and none is taken away"
        )

    async def insert(self, part: SubBlock, token: str) -> None:
        raise StoreRefused(self._refusal, _NO_CODE)

    async def kill(self, token: str) -> None:
        raise StoreRefused(self._refusal, _NO_CODE)

    async def presence(self, part: SubBlock) -> Presence:
        raise StoreRefused(self._refusal, _NO_CODE)

"""The dead letters of all shards as one table. What a replay writes down goes to the shard that has the letter."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from consumer.dead_letter_table import DeadLetterTable, Letter, Wanted
from consumer.settings import Settings


class DeadLetterShards:
    """As consumer.dead_letter_table; every shard must be there. ``open()`` before use."""

    def __init__(self, settings: Settings) -> None:
        several = len(settings.shard_urls) > 1
        shards = range(len(settings.shard_urls))
        self._tables = [DeadLetterTable(settings, shard if several else None) for shard in shards]
        self._shard_of: dict[str, int] = {}

    async def open(self) -> None:
        for table in self._tables:
            await table.open()

    async def close(self) -> None:
        for table in self._tables:
            await table.close()

    async def select(
        self, wanted: Wanted, *, limit: int, preview_bytes: int = 0, newest_first: bool = False
    ) -> list[Letter]:
        """The first ``limit`` of them, with their shards where there are several."""
        letters: list[Letter] = []
        for shard, table in enumerate(self._tables):
            found = await table.select(wanted, limit=limit, preview_bytes=preview_bytes, newest_first=newest_first)
            letters += [msgspec.structs.replace(letter, shard=shard) for letter in found] if self._several else found
            self._shard_of |= {letter.event_id: shard for letter in found}
        if self._several:
            letters.sort(key=_age if newest_first else _order, reverse=newest_first)
        return letters[:limit]

    async def ids(self, wanted: Wanted) -> list[str]:
        """The ids of all of them, in the order of their records."""
        places = [place for table in self._tables for place in await table.positions(wanted)]
        return [event_id for _, _, event_id in (sorted(places) if self._several else places)]

    async def intend(self, event_ids: Sequence[str], log_ends: Mapping[int, int]) -> None:
        """Of letters that were selected before."""
        for shard, some in self._by_shard(event_ids).items():
            await self._tables[shard].intend(some, log_ends)

    async def mark(self, places: Mapping[str, tuple[int, int]]) -> None:
        """Of letters that were selected before."""
        for shard, some in self._by_shard(places).items():
            await self._tables[shard].mark({event_id: places[event_id] for event_id in some})

    @property
    def _several(self) -> bool:
        return len(self._tables) > 1

    def _by_shard(self, event_ids: Sequence[str] | Mapping[str, object]) -> dict[int, list[str]]:
        by_shard = defaultdict[int, list[str]](list)
        for event_id in event_ids:
            by_shard[self._shard_of[event_id]].append(event_id)
        return by_shard


def _order(letter: Letter) -> tuple[object, ...]:
    return letter.partition, letter.offset, letter.event_id


def _age(letter: Letter) -> tuple[object, ...]:
    return letter.stored_at, letter.partition, letter.offset

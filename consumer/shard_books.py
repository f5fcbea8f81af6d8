"""The books of all shards as one: what stands at which positions, wherever it is.

A partition's rows stand on its shard; those from before the last shard was added may stand on another one.
"""

from collections.abc import Iterable

from consumer.books import Books, Id, Row, Times
from consumer.erased import Erased
from consumer.settings import Settings
from consumer.shards import home_of


class ShardBooks:
    """``open()`` before use. Asks every shard, so all must be there. Raises StoreUnavailable and StoreRefused."""

    def __init__(self, settings: Settings) -> None:
        several = len(settings.shard_urls) > 1
        self._books = [Books(settings, shard if several else None) for shard in range(len(settings.shard_urls))]

    async def open(self) -> None:
        for books in self._books:
            await books.open()

    async def close(self) -> None:
        for books in self._books:
            await books.close()

    @property
    def shards(self) -> int:
        return len(self._books)

    def home_of(self, partition: int) -> int:
        return home_of(partition, len(self._books))

    async def rows(self, partition: int, start: int, end: int, times: Times | None) -> list[list[Row]]:
        """Of each shard, see consumer.books."""
        return [await books.rows(partition, start, end, times) for books in self._books]

    async def dead_letters(self, topic: str, partition: int, start: int, end: int) -> list[list[Row]]:
        """Of each shard."""
        return [await books.dead_letters(topic, partition, start, end) for books in self._books]

    async def count(self, partition: int, start: int, end: int) -> int:
        return sum([await books.count(partition, start, end) for books in self._books])

    async def count_from_partition(self, partition: int) -> int:
        return sum([await books.count_from_partition(partition) for books in self._books])

    async def places(self, event_ids: Iterable[Id], times: Times | None) -> dict[Id, list[tuple[int, int]]]:
        wanted, found = list(event_ids), dict[Id, list[tuple[int, int]]]()
        for books in self._books:
            for event_id, places in (await books.places(wanted, times)).items():
                found.setdefault(event_id, []).extend(places)
        return found

    async def erased(self, topic: str) -> Erased:
        """Wherever they are written down."""
        each = [await books.erased(topic) for books in self._books]
        return Erased(erasure for some in each for erasures in some.of_user.values() for erasure in erasures)

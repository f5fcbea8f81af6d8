"""The rig over shards: engines of a test module's own, of which a consumer may be told of some only."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from tests.faults import books
from tests.faults.books import Books, Held
from tests.faults.rig import Consumer, Rig
from tests.infra import Infra
from tests.namespace import Namespace
from tests.shards import ShardedNamespace


class ShardedRig(Rig):
    """A topic and tables on every shard. Each of them, by its number, is a namespace of its own: ``at(1)``."""

    namespace: ShardedNamespace

    def __init__(self, infra: Infra, folder: Path, partitions: int, namespace: ShardedNamespace) -> None:
        super().__init__(infra, folder, partitions)
        self.namespace = namespace

    def open(self) -> "ShardedRig":
        for shard in range(self.shards):
            books.stop_merges(self.at(shard))
        return self

    def close(self) -> None:
        self.stop_all()

    @property
    def shards(self) -> int:
        return len(self.namespace.shards)

    def at(self, shard: int) -> Namespace:
        """The local tables of one shard."""
        infra = replace(self.namespace.infra, clickhouse_url=self.namespace.shards[shard].url)
        return Namespace(infra, self.namespace.topic, self.namespace.group, self.namespace.database)

    def consumer_of(self, shards: int, *, wait: bool = True, **settings: str) -> Consumer:
        """A consumer that is told of the first so many only; of one, as of a single server."""
        urls = [shard.url for shard in self.namespace.shards[:shards]]
        told = {"CLICKHOUSE_URL": urls[0], "CLICKHOUSE_SHARD_URLS": ",".join(urls) if shards > 1 else ""}
        return self.consumer(wait=wait, **told, **settings)

    def rows_at(self, shard: int) -> int:
        return int(self.at(shard).query("SELECT count() FROM {db}.actions"))

    def stored(self) -> list[Held]:
        """Of each shard."""
        return [books.stored(self.at(shard)) for shard in range(self.shards)]

    def rows(self) -> int:
        try:
            return sum(map(self.rows_at, range(self.shards)))
        except (OSError, RuntimeError):
            return -1

    def books(self, refused: Any = ()) -> Books:
        """Every shard's rows together: one that stands on two is one too many."""
        sent = books.sent(self.namespace, self.partitions).without(refused)
        merged = sum(books.merged_parts(self.at(shard)) for shard in range(self.shards))
        return Books(sent, sum(self.stored(), Held()), merged)


def status(consumer: Consumer) -> dict[str, Any]:
    """What ``/status`` answers; empty while it does not."""
    try:
        answer: dict[str, Any] = httpx.get(f"{consumer.url}/status", timeout=30).json()
    except httpx.TransportError:
        return {}
    return answer


def waits_for(consumer: Consumer, shard: int) -> str:
    """What ``/status`` says some block waits for at a shard; empty when nothing does."""
    told = status(consumer).get("shards", [])
    return str(told[shard]["waits_for"] or "") if shard < len(told) else ""

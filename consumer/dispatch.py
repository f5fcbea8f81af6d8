"""To which shard a block goes, and how each shard is: one delivery for each, so that none waits for another."""

from collections.abc import Awaitable, Callable

from consumer import metrics
from consumer.delivery import Delivery
from consumer.partition import Cut
from consumer.settings import Settings
from consumer.shards import Shards


class Dispatch:
    """The deliveries, made when they are first needed. Inserts in flight are bounded on each shard by itself."""

    def __init__(self, shards: Shards, settings: Settings, confirm: Callable[[], Awaitable[None]]) -> None:
        """``confirm``: see consumer.delivery."""
        self._shards = shards
        self._settings = settings
        self._confirm = confirm
        self._deliveries: dict[tuple[int, bool], Delivery] = {}

    def to(self, cut: Cut) -> Delivery:
        """Where the block goes: to its shard, or wherever it is found."""
        shard, in_doubt = cut.shard or 0, cut.in_doubt and len(self._shards) > 1
        if (shard, in_doubt) not in self._deliveries:
            store = self._shards.everywhere(shard) if in_doubt else self._shards.at(shard)
            self._deliveries[shard, in_doubt] = Delivery(store, self._settings, self._confirm)
        return self._deliveries[shard, in_doubt]

    @property
    def trouble(self) -> str | None:
        """What some block waits for; None when all is well."""
        return next((trouble for delivery in self._deliveries.values() if (trouble := delivery.trouble)), None)

    def trouble_of(self, tokens: str) -> str | None:
        """What the blocks wait for whose tokens begin so; None when all is well."""
        each = (delivery.trouble_of(tokens) for delivery in self._deliveries.values())
        return next((trouble for trouble in each if trouble), None)

    def troubles(self) -> list[str | None]:
        """What each shard's blocks wait for, None when all is well; with shards that only an intent names."""
        return [next((each.trouble for each in some if each.trouble), None) for some in self._by_shard()]

    def measure(self) -> None:
        """Bring the metric up to date."""
        for shard, some in enumerate(self._by_shard()):
            metrics.WAITING_BLOCKS.labels(shard).set(sum(delivery.waiting for delivery in some))

    def _by_shard(self) -> list[list[Delivery]]:
        known = max([len(self._shards) - 1, *(shard for shard, _ in self._deliveries)])
        by_shard: list[list[Delivery]] = [[] for _ in range(known + 1)]
        for (shard, _), delivery in self._deliveries.items():
            by_shard[shard].append(delivery)
        return by_shard

"""Delivering a block: every sub-block stored exactly once, whatever ClickHouse and the network do meanwhile.

A first attempt that is answered with 200 is done. After any other outcome, and for every block found begun, the truth
is read back: ClickHouse writes its deduplication log before the part, so a repeat under a known token can be answered
with 200 and store nothing. Tokens guard against duplicates; only the read-back proves presence (docs/DESIGN.md).
"""

import asyncio
import random
from typing import Protocol

import structlog

from consumer import metrics
from consumer.block import Block, SubBlock
from consumer.errors import StoreRefused, StoreUnavailable, TornBlock
from consumer.settings import Settings
from consumer.store import Presence

_log = structlog.get_logger(__name__)


class BlockStore(Protocol):
    """The three verbs that delivery needs; see consumer.store."""

    async def insert(self, part: SubBlock, token: str) -> None: ...
    async def kill(self, token: str) -> None: ...
    async def presence(self, part: SubBlock) -> Presence: ...


class Delivery:
    """Stores blocks, repeating for ever what may pass. ``trouble``: what it waits for; None when all is well."""

    def __init__(self, store: BlockStore, settings: Settings) -> None:
        self._store = store
        self._first_s = settings.backoff_first_ms / 1000
        self._max_s = settings.backoff_max_ms / 1000
        self._slots = asyncio.Semaphore(settings.max_concurrent_inserts)
        self._troubles: dict[str, str] = {}

    @property
    def trouble(self) -> str | None:
        return next(iter(self._troubles.values()), None)

    def trouble_of(self, tokens: str) -> str | None:
        """What the blocks wait for whose tokens begin so; None when all is well."""
        return next((trouble for token, trouble in self._troubles.items() if token.startswith(tokens)), None)

    async def deliver(self, block: Block, *, begun: bool) -> None:
        """Return when every row of the block is stored. ``begun``: an earlier attempt may have stored some already.

        Raises TornBlock; cancelling it leaves the block to whoever recovers it.
        """
        for part in block.sub_blocks:
            try:
                await self._settle(part, begun=begun)
            finally:
                self._troubles.pop(part.token, None)

    async def _settle(self, part: SubBlock, *, begun: bool) -> None:
        failures = repeats = 0
        is_first = not begun
        while True:
            try:
                async with self._slots:  # only while it asks something: a block that waits holds nobody up
                    if is_first:
                        is_first = False  # whatever becomes of this attempt, it was the first
                        return await self._insert(part, part.token)
                    if await self._is_stored(part):
                        return None
                    await self._insert(part, part.token if repeats == 0 else f"{part.token}.{repeats}")
                    repeats += 1  # answered 200: were it dropped by its token, the next read-back finds nothing
            except (StoreUnavailable, StoreRefused) as error:
                failures = await self._wait(part, error, failures)

    async def _insert(self, part: SubBlock, token: str) -> None:
        with metrics.INSERT_SECONDS.time():
            await self._store.insert(part, token)

    async def _is_stored(self, part: SubBlock) -> bool:
        """Whether the rows are there, once no earlier attempt can bring them any more."""
        await self._store.kill(part.token)
        presence = await self._store.presence(part)
        metrics.READ_BACKS.labels(presence.value).inc()
        if presence is Presence.SOME:
            raise TornBlock(f"{part.token}: an atomic block is half stored; partition {part.partition} waits for you")
        return presence is Presence.ALL

    async def _wait(self, part: SubBlock, error: StoreUnavailable | StoreRefused, failures: int) -> int:
        """Back off with full jitter, visibly; what an operator must mend is asked for at the slowest pace."""
        refused = isinstance(error, StoreRefused)
        metrics.INSERT_FAILURES.labels("refused" if refused else "unavailable").inc()
        if part.token not in self._troubles:
            _log.warning("a block waits for ClickHouse", block=part.token, rows=len(part.event_ids), reason=str(error))
        self._troubles[part.token] = str(error)
        longest = self._max_s if refused else min(self._max_s, self._first_s * 2 ** min(failures, 16))
        await asyncio.sleep(random.uniform(longest / 2, longest) if refused else random.uniform(0, longest))  # noqa: S311
        return failures + 1

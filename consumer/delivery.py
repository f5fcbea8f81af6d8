"""Delivering a block: every sub-block stored exactly once, whatever ClickHouse and the network do meanwhile.

A first attempt that is answered with 200 is done. After any other outcome, and for every block found begun, the truth
is read back: ClickHouse writes its deduplication log before the part, so a repeat under a known token can be answered
with 200 and store nothing. Tokens guard against duplicates; only the read-back proves presence (docs/DESIGN.md).

A sub-block whose DATA is refused, and of which the read-back finds nothing, is settled as its two halves, and these as
theirs, down to the refused rows: O(k log n) inserts for k of n rows. A single row that is refused twice becomes a dead
letter, stored by a sub-block of its own before ``deliver`` returns. Why this is exactly once still
(docs/decisions/008):

- The split follows from the records alone, and a half is settled as a sub-block is: first insert, and after any other
  outcome end the attempt, read back, repeat.
- The next owner, which finds the block begun, reads back before it inserts anything, at every step. ALL: done. NONE:
  insert the whole again. SOME: it was stored in pieces before, so look at its halves, each of which is ALL or NONE or
  in pieces itself; one row can't be in pieces.
- What a stopped owner sends when it wakes is a node of the same tree. Nodes that hold a refused row are refused again,
  and the others were stored under the same token: dropped. This holds while the table's rules stay as they are; if they
  change in between, a row can be there twice, and FINAL shows it once.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, cast

import structlog

from consumer import metrics
from consumer.block import Block, SubBlock, halves, letters_of
from consumer.dead_letters import DeadLetter
from consumer.errors import RefusedData, SinkError, SourceUnavailable, StoreRefused, StoreUnavailable, TornBlock
from consumer.settings import Settings
from consumer.store import Presence
from consumer.topic_record import TopicRecord
from contract.tables import DEAD_LETTERS

_log = structlog.get_logger(__name__)

_REFUSALS_OF_ONE_ROW = 2  # a body that was cut on its way is refused like a bad value, once


class BlockStore(Protocol):
    """The three verbs that delivery needs; see consumer.store."""

    async def insert(self, part: SubBlock, token: str) -> None: ...
    async def kill(self, token: str) -> None: ...
    async def presence(self, part: SubBlock) -> Presence: ...


class _Outcome(Enum):
    STORED = "every row is stored"
    REFUSED = "nothing is stored, and the data is refused"
    IN_PIECES = "an earlier owner stored some of its halves"


@dataclass
class _Attempts:
    """What was tried for one sub-block.

    begun     an earlier owner may have tried, too
    may_run   one of them may run still; after our own refusals none does
    repeats   attempts after the first that were answered with 200
    failures  waits so far
    refusals  of its data; ``refusal`` is the last of them
    """

    begun: bool
    is_first: bool
    may_run: bool
    repeats: int = 0
    failures: int = 0
    refusals: int = 0
    refusal: RefusedData | None = None

    def note(self, refusal: RefusedData) -> None:
        self.refusals += 1
        self.refusal = refusal


async def _nobody_else() -> None:
    """There is no other owner."""


class Delivery:
    """Stores blocks, repeating for ever what may pass. ``trouble``: what it waits for; None when all is well."""

    def __init__(
        self, store: BlockStore, settings: Settings, confirm: Callable[[], Awaitable[None]] = _nobody_else
    ) -> None:
        """``confirm()`` returns when the block is still ours to insert; raises Fenced, or SourceUnavailable."""
        self._store = store
        self._confirm = confirm
        self._first_s = settings.backoff_first_ms / 1000
        self._max_s = settings.backoff_max_ms / 1000
        self._slots = asyncio.Semaphore(settings.max_concurrent_inserts)
        self._troubles: dict[str, str] = {}

    @property
    def trouble(self) -> str | None:
        return next(iter(self._troubles.values()), None)

    @property
    def waiting(self) -> int:
        """How many sub-blocks wait so."""
        return len(self._troubles)

    def trouble_of(self, tokens: str) -> str | None:
        """What the blocks wait for whose tokens begin so; None when all is well."""
        return next((trouble for token, trouble in self._troubles.items() if token.startswith(tokens)), None)

    async def deliver(self, block: Block, *, begun: bool) -> int:
        """Return when every row of the block is stored; answers how many of its actions became dead letters instead.

        ``begun``: an earlier attempt may have stored some already. Raises TornBlock and Fenced; cancelling it leaves
        the block to whoever recovers it.
        """
        refused = [(part, await self._settle(part, begun=begun)) for part in block.sub_blocks]
        for part, letters in refused:  # last: should the table of dead letters be away, the good rows don't wait for it
            if letters:
                await self._keep(part, letters, begun=begun)
        return sum(len(letters) for _, letters in refused)

    async def _keep(self, part: SubBlock, letters: list[DeadLetter], *, begun: bool) -> None:
        """All of a part's at once; a repeat that is refused other rows finds these by their ids."""
        _log.warning("ClickHouse refused records", block=part.token, count=len(letters), reason=letters[0].reason)
        await self._settle(letters_of(part, letters), begun=begun)
        metrics.DEAD_LETTERED.inc(len(letters))

    async def _settle(self, part: SubBlock, *, begun: bool) -> list[DeadLetter]:
        """Store the rows; answers a dead letter, not stored yet, for each row that is refused."""
        attempts = _Attempts(begun, is_first=not begun, may_run=begun)
        try:
            outcome = await self._until_known(part, attempts)
        finally:
            self._troubles.pop(part.token, None)
        if outcome is _Outcome.STORED:
            return []
        if outcome is _Outcome.REFUSED and part.rows == 1:
            return [_letter(part, attempts.refusal)]
        first, second = halves(part)
        return [*await self._settle(first, begun=begun), *await self._settle(second, begun=begun)]

    async def _until_known(self, part: SubBlock, attempts: _Attempts) -> _Outcome:
        while True:
            try:
                async with self._slots:  # only while it asks something: a block that waits holds nobody up
                    outcome = await self._try(part, attempts)
            except (StoreUnavailable, StoreRefused, SourceUnavailable) as error:
                if isinstance(error, RefusedData) and part.table != DEAD_LETTERS:
                    metrics.INSERT_FAILURES.labels("data").inc()
                    attempts.note(error)
                else:
                    await self._wait(part, error, attempts)
            else:
                if outcome is not None:
                    return outcome

    async def _try(self, part: SubBlock, attempts: _Attempts) -> _Outcome | None:
        """The first attempt, or a look at what earlier ones did and one more; None: look again."""
        if attempts.is_first:
            attempts.is_first = False  # whatever becomes of this attempt, it was the first
            await self._insert(part, part.token)
            return _Outcome.STORED
        presence = await self._read_back(part, attempts)
        if presence is Presence.SOME:
            return self._in_pieces(part, attempts)
        if presence is Presence.ALL:
            return _Outcome.STORED
        if attempts.refusals >= (_REFUSALS_OF_ONE_ROW if part.rows == 1 else 1):
            return _Outcome.REFUSED
        await self._insert(part, part.token if attempts.repeats == 0 else f"{part.token}.{attempts.repeats}")
        attempts.repeats += 1  # answered 200: were it dropped by its token, the next read-back finds nothing
        attempts.may_run = True  # not ours; a process that woke late may have begun one since the last KILL
        return None

    async def _insert(self, part: SubBlock, token: str) -> None:
        await self._confirm()  # a process that was stopped for long may have a successor, and tokens are forgotten
        with metrics.INSERT_SECONDS.time():
            await self._store.insert(part, token)

    async def _read_back(self, part: SubBlock, attempts: _Attempts) -> Presence:
        """What is there of the rows, once no earlier attempt can bring them any more."""
        if attempts.may_run:
            await self._store.kill(part.family)
            attempts.may_run = False
        presence = await self._store.presence(part)
        metrics.READ_BACKS.labels(presence.value).inc()
        return presence

    @staticmethod
    def _in_pieces(part: SubBlock, attempts: _Attempts) -> _Outcome:
        """Only halves can leave pieces; whoever has not split it yet, and found it not begun, knows of none."""
        if part.rows == 1 or not attempts.begun:
            raise TornBlock(f"{part.token}: an atomic block is half stored; partition {part.partition} waits for you")
        return _Outcome.IN_PIECES

    async def _wait(self, part: SubBlock, error: SinkError, attempts: _Attempts) -> None:
        """Back off with full jitter, visibly; what an operator must mend is asked for at the slowest pace."""
        refused = isinstance(error, StoreRefused)
        metrics.INSERT_FAILURES.labels("refused" if refused else "unavailable").inc()
        if part.token not in self._troubles:
            _log.warning("a block waits for ClickHouse", block=part.token, rows=part.rows, reason=str(error))
        self._troubles[part.token] = str(error)
        attempts.may_run |= not refused
        longest = self._max_s if refused else min(self._max_s, self._first_s * 2 ** min(attempts.failures, 16))
        await asyncio.sleep(random.uniform(longest / 2, longest) if refused else random.uniform(0, longest))  # noqa: S311
        attempts.failures += 1


def _letter(part: SubBlock, refusal: RefusedData | None) -> DeadLetter:
    """The dead letter of a sub-block's only row."""
    assert refusal is not None  # noqa: S101 - REFUSED has one
    [record] = cast("tuple[TopicRecord]", part.sources)
    return DeadLetter.of(part.topic, part.partition, record, str(refusal), refusal.code)

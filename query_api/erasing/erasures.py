"""Erasing: every erasure that was written down is carried to its end, by whichever process comes first.

Several processes may do it at once, and any may die at any moment: each step looks at what is there, deletes what it
finds, and writes down what is true afterwards. Doing a step twice changes nothing; only ``rows`` may then count some
rows twice.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Protocol

import structlog

from query_api import metrics
from query_api.erasing.erasure import Erasure, State, foreign_until
from query_api.erasing.erasure_store import ErasureStore
from query_api.errors import LogUnavailable, StoreError
from query_api.live.watermark import Watermark
from query_api.settings import Settings

_YOUNG_S: Final = 5.0  # while the process that was asked for it works on it itself
# Kafka drops a segment once its newest record is older than retention.ms; a record's time may be an hour ahead of the
# broker's (message.timestamp.after.max.ms), it looks every 5 minutes, and deletes the files a minute later.
_KAFKA_SLACK_MS: Final = 3_600_000 + 6 * 60_000
_log = structlog.get_logger(__name__)


class Topic(Protocol):
    """What is asked of Kafka beside the watermark."""

    async def configuration(self) -> Mapping[str, str]: ...


class Erasures:
    """``register`` and ``advance`` for the route, ``work`` for as long as the service runs."""

    def __init__(self, store: ErasureStore, watermark: Watermark, topic: Topic, settings: Settings) -> None:
        self._store = store
        self._watermark = watermark
        self._topic = topic
        self._check_s = settings.erase_check_s
        self._removal_check_s = settings.erase_removal_check_s
        self._erase_after_ms = settings.erase_after_hours * 3_600_000
        self._turn = asyncio.Lock()
        self._looked_at: dict[uuid.UUID, float] = {}
        self._trouble: str | None = None

    async def register(self, user_id: str, requested_by: str) -> Erasure:
        """Write it down; from its answer on it will happen. Raises StoreError and LogUnavailable."""
        found = await self._store.find(user_id)  # before the log's ends: see foreign_until
        log_ends = dict(await self._watermark.ends())
        now_ms = time.time_ns() // 1_000_000
        kafka_until_ms = kept_until(await self._topic.configuration(), now_ms)
        erasure = Erasure(
            uuid.uuid4(),
            user_id,
            requested_by,
            log_ends,
            foreign_until(found, log_ends),
            kafka_until_ms,
            {State.REQUESTED: now_ms},
        )
        await self._store.register(erasure)
        metrics.ERASURES.inc()
        _log.info("an erasure was requested", receipt=str(erasure.id), key=requested_by)  # whose, no log shall say
        return erasure

    async def read(self, receipt: uuid.UUID) -> Erasure | None:
        """Raises StoreError."""
        return await self._store.read(receipt)

    async def left(self, erasure: Erasure) -> int:
        """Rows that are still on ClickHouse's disk; raises StoreError."""
        return 0 if erasure.state is State.REMOVED else await self._store.left(erasure)

    async def waits_for(self, erasure: Erasure) -> int | None:
        """Records that the sink has yet to pass until it is settled; None when Kafka does not tell."""
        if erasure.state not in (State.REQUESTED, State.HIDDEN):
            return 0
        try:
            reading = await self._watermark.fresh()
        except LogUnavailable:
            return None
        return sum(erasure.waits_for(reading.committed).values())

    async def advance(self, erasure: Erasure) -> Erasure:
        """One step, or none where there is nothing to do yet; raises StoreError and LogUnavailable."""
        async with self._turn:
            if erasure.state in (State.REQUESTED, State.HIDDEN):
                return await self._hide(erasure)
            return await self._remove(erasure)

    async def work(self) -> None:
        """Carry on what is unfinished, until cancelled."""
        while True:
            try:
                await self._carry_on()
                self._note(None)
            except (StoreError, LogUnavailable) as error:
                self._note(str(error))
            await asyncio.sleep(self._check_s)

    async def _carry_on(self) -> None:
        unfinished = await self._store.unfinished()
        metrics.ERASURES_UNFINISHED.set(len(unfinished))
        self._looked_at = {one.id: self._looked_at[one.id] for one in unfinished if one.id in self._looked_at}
        failure: StoreError | LogUnavailable | None = None
        for erasure in unfinished:
            if self._is_due(erasure):
                try:
                    await self.advance(erasure)
                except (StoreError, LogUnavailable) as error:  # the others do not wait for it
                    failure = error
        if failure is not None:
            raise failure

    def _is_due(self, erasure: Erasure) -> bool:
        """Looking for rows on the disk reads the user's granules in every part, so it is done seldom."""
        if erasure.state is State.REQUESTED:
            return time.time() - erasure.at_ms[State.REQUESTED] / 1000 > _YOUNG_S
        if erasure.state is State.HIDDEN:
            return True
        return time.monotonic() - self._looked_at.get(erasure.id, float("-inf")) >= self._removal_check_s

    async def _hide(self, erasure: Erasure) -> Erasure:
        reading = await self._watermark.fresh()  # before the DELETE, which then sees all rows below
        rows = await self._store.hide(erasure, erasure.bounds(reading.committed))
        if erasure.state is State.REQUESTED or rows:
            erasure = await self._noted(erasure, State.HIDDEN, rows)
        if not erasure.waits_for(reading.committed):
            erasure = await self._noted(erasure, State.SETTLED, 0)
        return erasure

    async def _remove(self, erasure: Erasure) -> Erasure:
        self._looked_at[erasure.id] = time.monotonic()
        rows = await self._store.hide(erasure, erasure.log_ends)  # a restored part or table may have brought them back
        if rows:
            erasure = await self._noted(erasure, State.SETTLED, rows)
        if not await self._store.left(erasure):
            return await self._noted(erasure, State.REMOVED, 0)
        if self._is_late(erasure):
            erasure = await self._noted(erasure, State.REMOVING, 0)
            await self._store.remove(erasure)
            if not await self._store.left(erasure):
                return await self._noted(erasure, State.REMOVED, 0)
        return erasure

    def _is_late(self, erasure: Erasure) -> bool:
        """Merges, or an earlier request for them, have had the time that they are given."""
        since_ms = erasure.at_ms.get(State.REMOVING, erasure.at_ms.get(State.SETTLED, 0))
        return time.time() * 1000 - since_ms >= self._erase_after_ms

    async def _noted(self, erasure: Erasure, state: State, rows: int) -> Erasure:
        await self._store.note(erasure, state, rows)
        reached = max(state, erasure.state, key=list(State).index)
        if reached is not erasure.state:
            _log.info("an erasure goes on", receipt=str(erasure.id), state=reached.value)
        now_ms = time.time_ns() // 1_000_000
        return replace(erasure, state=reached, rows=erasure.rows + rows, at_ms={state: now_ms, **erasure.at_ms})

    def _note(self, trouble: str | None) -> None:
        if trouble != self._trouble and trouble is not None:
            _log.warning("erasing waits", reason=trouble)
        self._trouble = trouble


def kept_until(configuration: Mapping[str, str], now_ms: int) -> int | None:
    """By when the topic has dropped what it holds now, in milliseconds; None when it may keep it for ever.

    An upper bound: a segment is dropped as a whole, ``retention.ms`` after its newest record, and takes records for
    ``segment.ms``.
    """
    retention_ms, segment_ms = (int(configuration.get(name, -1)) for name in ("retention.ms", "segment.ms"))
    if "delete" not in configuration.get("cleanup.policy", "") or retention_ms < 0 or segment_ms < 0:
        return None
    until_ms = now_ms + retention_ms + segment_ms + _KAFKA_SLACK_MS
    return until_ms if until_ms < _LATEST_MS else None


_LATEST_MS: Final = 7_258_118_400_000  # 2200-01-01: as long as any action's time; later means "not in our days"

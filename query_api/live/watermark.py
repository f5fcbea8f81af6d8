"""The watermark: how far the sink has stored each partition, read from Kafka by one shared, cached call.

Everything below the sink group's committed offset is in the table (or among the dead letters): the sink commits an
offset only after its block is stored. So a query that begins after a reading has everything below that reading.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from contract.receipt import Receipt
from query_api import metrics
from query_api.errors import LogUnavailable
from query_api.settings import Settings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """committed   of each partition, the offset below which everything is stored; 0 where nothing is
    asked_at    monotonic seconds when Kafka was asked
    """

    committed: Mapping[int, int]
    asked_at: float

    def age_s(self) -> float:
        return time.monotonic() - self.asked_at

    def passed(self, receipt: Receipt) -> bool:
        """Whether everything the receipt stands for is stored."""
        return not self.behind(receipt)

    def behind(self, receipt: Receipt) -> dict[int, int]:
        """Of each partition where it is not: how many records are still to be stored up to the receipt's."""
        missing = {number: offset + 1 - self.committed.get(number, 0) for number, offset in receipt.offsets.items()}
        return {number: records for number, records in missing.items() if records > 0}

    def receipt(self) -> Receipt:
        """The last stored offset of each partition: a receipt that waits for just this much elsewhere."""
        return Receipt({number: offset - 1 for number, offset in self.committed.items() if offset > 0})


class Positions(Protocol):
    """What is asked of Kafka; both raise LogUnavailable."""

    async def committed(self) -> Mapping[int, int]: ...

    async def ends(self) -> Mapping[int, int]: ...


class Watermark:
    """Reads while it is asked, at most once in ``watermark_max_age_ms``; rests while nobody asks."""

    def __init__(self, positions: Positions, settings: Settings) -> None:
        self._positions = positions
        self._max_age_s = settings.watermark_max_age_ms / 1000
        self._pause_s = settings.reconnect_pause_ms / 1000
        self._reading: Reading | None = None
        self._failure: LogUnavailable | None = None
        self._failed_at = 0.0
        self._refreshing: asyncio.Task[None] | None = None

    def latest(self) -> Reading | None:
        """The last reading, without waiting; None when there is none or Kafka is away. Has an old one renewed."""
        if not self._is_fresh(self._max_age_s) and not self._is_pausing():
            self._refresh()
        return self._reading

    async def fresh(self, max_age_s: float | None = None) -> Reading:
        """A reading no older than that (by default ``watermark_max_age_ms``) when asked for; raises LogUnavailable."""
        if not self._is_fresh(self._max_age_s if max_age_s is None else max_age_s):
            if self._is_pausing() and self._failure is not None:
                raise LogUnavailable(str(self._failure))
            await asyncio.shield(self._refresh())
        if self._reading is None:
            raise LogUnavailable(str(self._failure))
        return self._reading

    async def ends(self) -> Mapping[int, int]:
        """The ends of the partitions' logs; raises LogUnavailable."""
        return await self._positions.ends()

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    def _is_fresh(self, max_age_s: float) -> bool:
        return self._reading is not None and self._reading.age_s() <= max_age_s

    def _is_pausing(self) -> bool:
        return self._failure is not None and time.monotonic() - self._failed_at < self._pause_s

    def _refresh(self) -> "asyncio.Task[None]":
        """The one refresh that is under way."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._read())
        return self._refreshing

    async def _read(self) -> None:
        asked_at = time.monotonic()
        try:
            committed = await self._positions.committed()
        except LogUnavailable as error:
            self._note_failure(error)
            return
        if self._failure is not None:
            _log.info("reading the watermark again")
        self._failure, self._reading = None, Reading(committed, asked_at)
        metrics.WATERMARK_READINGS.labels("read").inc()

    def _note_failure(self, error: LogUnavailable) -> None:
        """What was read before is dropped: how old it will become, nobody knows."""
        metrics.WATERMARK_READINGS.labels("failed").inc()
        if self._failure is None:  # logged once, not with every request
            _log.warning("the watermark is unknown", reason=str(error))
        self._failure, self._failed_at, self._reading = error, time.monotonic(), None

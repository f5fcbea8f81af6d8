"""The pipeline: how far the sink is behind the log, and how fast both grow. One reading serves all who ask.

Kafka is asked only while somebody wants to know: for the offsets that the sink's group has committed and the ends of
the log, two small requests. How old the oldest action is that is not stored yet follows from earlier readings
(``timeline``); where they don't reach back far enough, Kafka is asked where the log stood at earlier times.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog

from query_api.errors import LogUnavailable
from query_api.live.timeline import Timeline
from query_api.settings import Settings

_RATE_WINDOW_S: Final = 15.0
_STALLED_AFTER_S: Final = 10.0  # far above the time a block takes to be gathered and stored
_FIRST_STEP_BACK_S: Final = 1.0
_STEPS_BACK: Final = 12  # each four times as far: the last reaches 48 days, beyond any usual retention
_log = structlog.get_logger(__name__)


class Log(Protocol):
    """What is asked of Kafka; each raises LogUnavailable."""

    async def committed(self) -> Mapping[int, int]: ...

    async def ends(self) -> Mapping[int, int]: ...

    async def ends_at(self, time_s: float) -> Mapping[int, int]: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Of each partition: committed, the offset below which everything is stored, and the log's end.

    asked_at    monotonic seconds
    """

    asked_at: float
    committed: Mapping[int, int]
    ends: Mapping[int, int]

    def lag(self, number: int) -> int:
        """Records of the partition that are not stored yet."""
        return max(0, self.ends[number] - self.committed.get(number, 0))


@dataclass(frozen=True, slots=True)
class Health:
    """What one reading tells; None is unknown.

    lag_s           seconds since the moment until which everything is stored
    stored_until    that moment
    *_per_s         records, over the last _RATE_WINDOW_S seconds at most
    trouble         a sentence without figures of the log, None when all is well
    """

    asked_at: float
    snapshot: Snapshot | None = None
    lag_s: float | None = None
    stored_until: datetime | None = None
    accepted_per_s: float | None = None
    stored_per_s: float | None = None
    trouble: str | None = None

    def age_s(self) -> float:
        return time.monotonic() - self.asked_at


class Pipeline:
    """Reads when asked, at most once in ``pipeline_max_age_ms``; remembers what rates and ages need."""

    def __init__(self, log: Log, settings: Settings) -> None:
        self._kafka = log
        self._max_age_s = settings.pipeline_max_age_ms / 1000
        self._known: Health | None = None
        self._reading: asyncio.Task[Health] | None = None
        self._timeline = Timeline()
        self._recent: deque[Snapshot] = deque()
        self._waiting_since: dict[int, float] = {}  # of partitions that lag: since when nothing of them was stored

    async def health(self) -> Health:
        """No older than ``pipeline_max_age_ms`` when asked for."""
        if self._known is not None and self._known.age_s() <= self._max_age_s:
            return self._known
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)  # who leaves must not end it for the others

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> Health:
        asked_at, now_s = time.monotonic(), time.time()
        try:
            committed = await self._kafka.committed()  # before the ends, so that nothing seems stored before it came
            snapshot = Snapshot(asked_at, committed, await self._kafka.ends())
            self._note(snapshot, now_s)
            self._known = await self._judged(snapshot, now_s)
        except LogUnavailable as error:
            self._known = Health(asked_at, trouble=f"{error}.")
        return self._known

    def _note(self, snapshot: Snapshot, now_s: float) -> None:
        if self._recent and _went_back(self._recent[-1], snapshot):
            _log.info("the topic was made again, or the sink was set back: the pipeline is measured anew")
            self._recent.clear()
            self._timeline.clear()
            self._waiting_since.clear()
        self._note_waiting(snapshot)
        self._recent.append(snapshot)
        while snapshot.asked_at - self._recent[0].asked_at > _RATE_WINDOW_S:
            self._recent.popleft()
        self._timeline.note(now_s, snapshot.ends)
        self._timeline.forget_before(snapshot.committed)

    def _note_waiting(self, snapshot: Snapshot) -> None:
        last = self._recent[-1].committed if self._recent else {}
        for number in snapshot.ends:
            if not snapshot.lag(number):
                self._waiting_since.pop(number, None)
            elif number not in self._waiting_since or snapshot.committed.get(number) != last.get(number):
                self._waiting_since[number] = snapshot.asked_at

    async def _judged(self, snapshot: Snapshot, now_s: float) -> Health:
        """Raises LogUnavailable."""
        until_s = await self._stored_until(snapshot, now_s)
        waited_s = snapshot.asked_at - min(self._waiting_since.values(), default=snapshot.asked_at)
        accepted, stored = _rates(self._recent[0], snapshot)
        return Health(
            snapshot.asked_at,
            snapshot,
            None if until_s is None else max(0.0, now_s - until_s),
            None if until_s is None else datetime.fromtimestamp(until_s, UTC),
            accepted,
            stored,
            _stalled(waited_s) if waited_s >= _STALLED_AFTER_S else None,
        )

    async def _stored_until(self, snapshot: Snapshot, now_s: float) -> float | None:
        until_s = self._timeline.stored_until(snapshot.committed)
        back_s = _FIRST_STEP_BACK_S
        for _ in range(_STEPS_BACK):
            if until_s is not None:
                break
            earlier = await self._kafka.ends_at(now_s - back_s)
            self._timeline.note(now_s - back_s, {**snapshot.ends, **earlier})
            until_s = self._timeline.stored_until(snapshot.committed)
            back_s *= 4
        return until_s


def _went_back(last: Snapshot, now: Snapshot) -> bool:
    return any(
        now.ends.get(number, 0) < end or now.committed.get(number, 0) < last.committed.get(number, 0)
        for number, end in last.ends.items()
    )


def _rates(first: Snapshot, last: Snapshot) -> tuple[float | None, float | None]:
    """Records accepted and stored per second; unknown from one snapshot."""
    seconds = last.asked_at - first.asked_at
    if seconds <= 0:
        return None, None
    accepted = sum(last.ends.values()) - sum(first.ends.values())
    stored = sum(last.committed.values()) - sum(first.committed.values())
    return accepted / seconds, stored / seconds


def _stalled(waited_s: float) -> str:
    return (
        f"Records wait, and of a partition nothing was stored for {waited_s:.0f} s: "
        "the sink is stopped or held up; its log and /readyz say by what."
    )

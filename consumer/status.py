"""The sink's status: how far each partition is, how far behind, and what it waits for; as JSON and as metrics.

Log ends come with every fetch, for nothing. They grow old for a partition that is not fetched because its buffer is
full, and that is when an operator looks at them: those are asked for, once in a while.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consumer import metrics
from consumer.errors import SinkError
from consumer.losses import Losses
from consumer.partition import Partition, State
from consumer.source import LogEnd

_LOOK_EVERY_S = 1.0  # the metrics are at most this old
_TOO_OLD_S = 5.0  # a log end older than this is asked for
_GAUGES = (metrics.WATERMARK, metrics.LOG_END, metrics.LAG_RECORDS, metrics.LAG_SECONDS)


class PartitionStatus(msgspec.Struct, frozen=True):
    """One assigned partition. What is not known is None, never 0.

    shard            of ClickHouse, on which its block is stored, or will be the next one: 0 where there is only one
    state            collecting, planned, delivering, stopped (consumer.partition)
    committed        the watermark: every record below is stored or a dead letter
    block_end        end of the block that is being stored
    log_end          end of the log, seen ``log_end_age_s`` seconds ago
    lag_records      offsets from the watermark to the log's end, less end marks of transactions behind the last record
    lag_seconds      age of the oldest record that is not stored, by its timestamp in Kafka; 0 when all are stored
    watermark_time   timestamp in Kafka of the last record that this process stored
    lost_records     offsets that retention deleted before they were stored, since this process started
    log_cuts         times that the log ended before what was read of it, since this process started
    waits_for        why nothing is being stored
    """

    partition: int
    shard: int
    state: str
    committed: int
    block_end: int | None
    log_end: int | None
    log_end_age_s: float | None
    lag_records: int | None
    lag_seconds: float | None
    watermark_time: datetime | None
    lost_records: int
    log_cuts: int
    buffered_bytes: int
    waits_for: str | None


class Totals(msgspec.Struct, frozen=True):
    """Over the assigned partitions; ``lag_seconds`` is the largest, losses are the process's own."""

    partitions: int
    lag_records: int | None
    lag_seconds: float | None
    lost_records: int
    log_cuts: int
    buffered_bytes: int


class ShardStatus(msgspec.Struct, frozen=True):
    """One shard of ClickHouse: which of the assigned partitions it stores, and what some block waits for there."""

    shard: int
    partitions: list[int]
    waits_for: str | None


class SinkStatus(msgspec.Struct, frozen=True):
    """Of one process. ``generation``: of its assignment, None while it has none. ``trouble``: see ``/readyz``."""

    time: datetime
    generation: int | None
    trouble: str | None
    totals: Totals
    shards: list[ShardStatus]
    partitions: list[PartitionStatus]


class Sink(Protocol):
    """What the status needs of consumer.service."""

    losses: Losses

    @property
    def generation(self) -> int | None: ...
    @property
    def partitions(self) -> Mapping[int, Partition]: ...
    def read_to(self) -> dict[int, int]: ...
    def waits_for(self, partition: Partition) -> str | None: ...
    def shards_wait_for(self) -> list[str | None]: ...
    async def trouble(self) -> str | None: ...


class Log(Protocol):
    """What the status needs of consumer.source."""

    def log_ends_seen(self, partitions: Iterable[int]) -> dict[int, LogEnd]: ...
    async def log_ends(self, partitions: list[int]) -> dict[int, LogEnd]: ...


class Status:
    """Reads the sink; ``run()`` keeps the log ends fresh and the metrics up to date until it is cancelled."""

    def __init__(self, sink: Sink, log: Log) -> None:
        self._sink = sink
        self._log = log
        self._asked: dict[int, LogEnd] = {}
        self._shown: set[int] = set()

    async def run(self) -> None:
        while True:
            await self._refresh()
            self._measure()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def read(self) -> SinkStatus:
        now = time.time()
        partitions = self._look(now)
        trouble = await self._sink.trouble()
        moment = datetime.fromtimestamp(now, UTC)
        totals, shards = self._totals(partitions), self._shards(partitions)
        return SinkStatus(moment, self._sink.generation, trouble, totals, shards, partitions)

    def route(self) -> Route:
        async def status(_: Request) -> Response:
            return Response(msgspec.json.encode(await self.read()), media_type="application/json")

        return Route("/status", status)

    @property
    def _partitions(self) -> Mapping[int, Partition]:
        return self._sink.partitions

    def _log_ends(self) -> dict[int, LogEnd]:
        """The newest that is known of each partition."""
        ends = self._log.log_ends_seen(self._partitions)
        for number, asked in self._asked.items():
            if number not in ends or asked.seen_at > ends[number].seen_at:
                ends[number] = asked
        return ends

    async def _refresh(self) -> None:
        ends, oldest = self._log_ends(), time.time() - _TOO_OLD_S
        stale = [number for number in self._partitions if number not in ends or ends[number].seen_at < oldest]
        if stale:
            with contextlib.suppress(SinkError):  # Kafka is away: the ends that are known grow older, visibly
                self._asked |= await self._log.log_ends(stale)
        self._asked = {number: end for number, end in self._asked.items() if number in self._partitions}

    def _measure(self) -> None:
        seen = self._look(time.time())
        for status in seen:
            _show(status.partition, status)
        metrics.STOPPED.set(sum(status.state == State.STOPPED.value for status in seen))
        for gone in self._shown - set(self._partitions):
            for gauge in _GAUGES:
                gauge.remove(gone)
        self._shown = set(self._partitions)

    def _look(self, now: float) -> list[PartitionStatus]:
        ends, read_to = self._log_ends(), self._sink.read_to()
        items = sorted(self._partitions.items())
        return [self._partition(item, ends.get(number), read_to.get(number, 0), now) for number, item in items]

    def _partition(self, item: Partition, end: LogEnd | None, read_to: int, now: float) -> PartitionStatus:
        committed = item.saved.committed
        # A transaction's end mark is an offset without a record: read over, and never committed by itself.
        is_done = item.oldest_ms is None and not item.is_dirty
        lag = None if end is None else max(0, end.offset - (max(committed, read_to) if is_done else committed))
        return PartitionStatus(
            item.number,
            item.goes_to or 0,
            item.state.value,
            committed,
            item.cut.end if item.cut else None,
            end.offset if end else None,
            round(max(0.0, now - end.seen_at), 3) if end else None,
            lag,
            _age(item.oldest_ms, now, is_read=end is not None and max(committed, read_to) >= end.offset),
            _moment(item.stored_until_ms),
            self._sink.losses.records[item.number],
            self._sink.losses.log_cuts[item.number],
            item.buffered_bytes,
            self._sink.waits_for(item),
        )

    def _shards(self, partitions: list[PartitionStatus]) -> list[ShardStatus]:
        return [
            ShardStatus(shard, [item.partition for item in partitions if item.shard == shard], waits_for)
            for shard, waits_for in enumerate(self._sink.shards_wait_for())
        ]

    def _totals(self, partitions: list[PartitionStatus]) -> Totals:
        lags = [item.lag_records for item in partitions]
        ages = [item.lag_seconds for item in partitions]
        return Totals(
            len(partitions),
            sum(lag for lag in lags if lag is not None) if lags and None not in lags else None,
            max(age for age in ages if age is not None) if ages and None not in ages else None,
            self._sink.losses.records.total(),
            self._sink.losses.log_cuts.total(),
            sum(item.buffered_bytes for item in partitions),
        )


def _age(oldest_ms: int | None, now: float, *, is_read: bool) -> float | None:
    """A writer's clock may be ahead of ours: never below 0. Unknown when the oldest record is not read yet."""
    if oldest_ms is not None:
        return round(max(0.0, now - oldest_ms / 1000), 3)
    return 0.0 if is_read else None


def _moment(milliseconds: int | None) -> datetime | None:
    """None as well for a timestamp that no calendar has: it is the record's writer who chose it."""
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _show(number: int, status: PartitionStatus) -> None:
    """A value that is not known has no sample."""
    values = (status.committed, status.log_end, status.lag_records, status.lag_seconds)
    for gauge, value in zip(_GAUGES, values, strict=True):
        if value is None:
            gauge.remove(number)
        else:
            gauge.labels(number).set(value)

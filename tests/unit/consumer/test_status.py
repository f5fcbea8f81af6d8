"""What the status says of one partition: known values as they are, unknown ones as None and never as 0."""

import time
from collections.abc import Iterable, Mapping

import pytest

from consumer import metrics
from consumer.errors import SourceUnavailable
from consumer.intent import Position
from consumer.losses import Losses
from consumer.partition import Limits, Partition
from consumer.source import LogEnd
from consumer.status import PartitionStatus, Status
from tests.unit.consumer.model.process import Protocol
from tests.unit.consumer.model.world import run
from tests.unit.consumer.records import Record, batch

LIMITS = Limits(rows=10, bytes=1_000, age_s=0.5)


class FakeSink:
    """A sink with the given partitions."""

    generation: int | None = 4

    def __init__(self, *partitions: Partition) -> None:
        self.partitions: Mapping[int, Partition] = {item.number: item for item in partitions}
        self.losses = Losses()
        self.taken_in: dict[int, int] = {}

    def read_to(self) -> dict[int, int]:
        return self.taken_in

    def waits_for(self, partition: Partition) -> str | None:
        return None

    def shards_wait_for(self) -> list[str | None]:
        return [None, "shard 1 is away"]

    async def trouble(self) -> str | None:
        return None


class FakeLog:
    """Log ends that fetches told, and those that are told when asked: None when Kafka is away."""

    def __init__(self, seen: dict[int, LogEnd], asked: dict[int, LogEnd] | None) -> None:
        self.seen, self.asked = seen, asked

    def log_ends_seen(self, partitions: Iterable[int]) -> dict[int, LogEnd]:
        return dict(self.seen)

    async def log_ends(self, partitions: list[int]) -> dict[int, LogEnd]:
        if self.asked is None:
            raise SourceUnavailable("Kafka is away")
        return {number: self.asked[number] for number in partitions}


async def one(partition: Partition, seen: LogEnd | None, asked: LogEnd | None = None) -> PartitionStatus:
    log = FakeLog({0: seen} if seen else {}, {0: asked} if asked else None)
    status = Status(FakeSink(partition), log)
    await status._refresh()
    return (await status.read()).partitions[0]


async def test_nothing_is_known_before_kafka_told_the_end() -> None:
    status = await one(Partition(0, Position(5), LIMITS), None)
    assert (status.log_end, status.log_end_age_s, status.lag_records, status.lag_seconds) == (None, None, None, None)


async def test_a_partition_that_is_stored_to_its_end_lags_zero() -> None:
    status = await one(Partition(0, Position(5), LIMITS), LogEnd(5, time.time()))
    assert (status.committed, status.log_end, status.lag_records, status.lag_seconds) == (5, 5, 0, 0.0)


async def test_the_age_of_records_that_are_not_read_yet_is_unknown() -> None:
    status = await one(Partition(0, Position(5), LIMITS), LogEnd(9, time.time()))
    assert (status.lag_records, status.lag_seconds) == (4, None)


@pytest.mark.parametrize(("ago_s", "at_least"), [(60.0, 60.0), (-60.0, 0.0)])
async def test_the_lag_in_seconds_is_the_oldest_records_age_and_never_below_zero(ago_s: float, at_least: float) -> None:
    partition = Partition(0, Position(5), LIMITS)
    partition.add([batch(Record(5, b"", timestamp=round((time.time() - ago_s) * 1000)))], now=0.0)
    status = await one(partition, LogEnd(6, time.time()))
    assert status.lag_seconds is not None
    assert at_least <= status.lag_seconds < 90


async def test_an_end_that_has_grown_old_is_asked_for() -> None:
    """A full buffer is not fetched: the end that its last fetch told would hide the backlog that grows behind it."""
    status = await one(Partition(0, Position(5), LIMITS), LogEnd(6, time.time() - 60), asked=LogEnd(900, time.time()))
    assert (status.log_end, status.lag_records) == (900, 895)


async def test_an_old_end_says_how_old_it_is_while_kafka_is_away() -> None:
    status = await one(Partition(0, Position(5), LIMITS), LogEnd(6, time.time() - 60))
    assert status.log_end == 6
    assert status.log_end_age_s is not None
    assert status.log_end_age_s >= 60


@pytest.mark.parametrize(("unstored", "lag"), [(False, (0, 0.0)), (True, (3, 60.0))])
async def test_a_transactions_end_mark_behind_the_last_record_is_no_lag(
    *, unstored: bool, lag: tuple[int, float]
) -> None:
    partition = Partition(0, Position(5), LIMITS)
    if unstored:
        partition.add([batch(Record(5, b"", timestamp=round((time.time() - 60) * 1000)))], now=0.0)
    sink = FakeSink(partition)
    sink.taken_in = {0: 8}
    [status] = (await Status(sink, FakeLog({0: LogEnd(8, time.time())}, None)).read()).partitions
    assert status.lag_records == lag[0]
    assert status.lag_seconds == pytest.approx(lag[1], abs=20)


async def test_what_is_stored_and_not_committed_yet_is_still_behind_the_watermark() -> None:
    partition = Partition(0, Position(5), LIMITS)
    partition.add([batch(Record(5, b""))], now=0.0)
    partition.plan(1.0)
    partition.begin()
    partition.finish()
    sink = FakeSink(partition)
    sink.taken_in = {0: 6}
    [status] = (await Status(sink, FakeLog({0: LogEnd(6, time.time())}, None)).read()).partitions
    assert (status.committed, status.lag_records, status.lag_seconds) == (5, 1, 0.0)


async def test_a_stopped_partition_is_counted() -> None:
    partition = Partition(0, Position(5), LIMITS)
    partition.stop("half stored")
    status = Status(FakeSink(partition), FakeLog({}, None))
    status._measure()
    assert metrics.STOPPED._value.get() == 1
    assert (await status.read()).partitions[0].state == "stopped"


def test_a_partition_that_came_and_went_between_two_looks_leaves_no_sample() -> None:
    """The alert on partitions without an owner counts the samples: only the status, which removes them, makes any."""
    metrics.WATERMARK.clear()
    run(Protocol(), [("produce", 0, "march"), ("go", 0, 12)])
    [watermark] = metrics.WATERMARK.collect()
    assert watermark.samples == []


async def test_totals_are_unknown_when_one_partition_is() -> None:
    sink = FakeSink(Partition(0, Position(5), LIMITS), Partition(1, Position(5), LIMITS))
    status = Status(sink, FakeLog({0: LogEnd(6, time.time())}, None))
    totals = (await status.read()).totals
    assert (totals.partitions, totals.lag_records, totals.lag_seconds) == (2, None, None)


async def test_a_timestamp_that_no_calendar_has_is_no_error() -> None:
    partition = Partition(0, Position(5), LIMITS)
    partition.add([batch(Record(5, b"", timestamp=1 << 62))], now=0.0)
    partition.plan(1.0)
    partition.begin()
    partition.finish()
    status = await one(partition, LogEnd(6, time.time()))
    assert status.watermark_time is None


async def test_each_shard_is_shown_with_its_partitions_and_what_they_wait_for() -> None:
    """A block that was begun elsewhere is still there: its partition goes to its own shard when it is stored."""
    partitions = [Partition(number, Position(5), LIMITS, shard=number % 2) for number in range(3)]
    partitions.append(Partition(3, Position(5, intent=9, shard=0), LIMITS, shard=1))
    status = await Status(FakeSink(*partitions), FakeLog({}, None)).read()
    assert [(shard.partitions, shard.waits_for) for shard in status.shards] == [
        ([0, 2, 3], None),
        ([1], "shard 1 is away"),
    ]

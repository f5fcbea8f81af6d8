"""GET /pipeline without Kafka: what readings tell, one after the other, and that they are shared."""

import asyncio
from collections.abc import Mapping

import pytest

from query_api.errors import LogUnavailable
from query_api.live import pipeline as module
from query_api.live.pipeline import Health, Pipeline
from query_api.settings import Settings


class Clock:
    """Both clocks of the module, in step."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s


class Kafka:
    """A log of one partition, and what the sink has committed of it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.arrived_at: list[float] = []  # by offset
        self.stored = 0
        self.away = False
        self.asked = 0
        self.asked_back = 0

    def accept(self, records: int) -> None:
        self.arrived_at += [self.clock.now_s] * records

    async def committed(self) -> Mapping[int, int]:
        self.asked += 1
        if self.away:
            raise LogUnavailable("Kafka is away")
        return {0: self.stored}

    async def ends(self) -> Mapping[int, int]:
        return {0: len(self.arrived_at)}

    async def ends_at(self, time_s: float) -> Mapping[int, int]:
        self.asked_back += 1
        return {0: next(place for place, at in enumerate(self.arrived_at) if at >= time_s)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def kafka(clock: Clock) -> Kafka:
    return Kafka(clock)


def of(kafka: Kafka, **settings: int) -> Pipeline:
    return Pipeline(kafka, Settings.model_validate({"pipeline_max_age_ms": 1_000, **settings}))


def lag_records(health: Health) -> int:
    assert health.snapshot is not None
    return health.snapshot.lag(0)


async def test_all_who_ask_within_its_age_share_one_reading(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    answers = await asyncio.gather(*(pipeline.health() for _ in range(20)))
    clock.now_s += 1.0
    answers.append(await pipeline.health())
    assert len({id(answer) for answer in answers}) == 1
    assert kafka.asked == 1
    clock.now_s += 0.1
    await pipeline.health()
    assert kafka.asked == 2


async def test_rates_are_those_between_readings(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    first = await pipeline.health()
    assert (first.accepted_per_s, first.stored_per_s) == (None, None)
    assert (first.lag_s, first.trouble) == (0.0, None)
    for _ in range(30):  # longer than the window
        clock.now_s += 2
        kafka.accept(100)
        kafka.stored += 90
        health = await pipeline.health()
        assert (health.accepted_per_s, health.stored_per_s) == (50.0, 45.0)
        assert health.trouble is None
    assert lag_records(await pipeline.health()) == 300
    assert len(pipeline._recent) <= 9


async def test_the_lag_in_seconds_is_the_age_of_the_oldest_that_waits(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    await pipeline.health()
    for _ in range(10):
        clock.now_s += 2
        kafka.accept(100)
        await pipeline.health()
    kafka.stored = 450
    clock.now_s += 2
    health = await pipeline.health()
    assert health.lag_s == pytest.approx(22 - 9)  # half of what came between 8 s and 10 s
    assert health.stored_until is not None
    assert health.stored_until.timestamp() == pytest.approx(clock.now_s - 13)
    assert kafka.asked_back == 0


async def test_of_a_backlog_that_was_there_before_kafka_tells_the_age(kafka: Kafka, clock: Clock) -> None:
    """The service starts while the sink has been away for an hour."""
    for _ in range(3_600):
        kafka.accept(10)
        clock.now_s += 1
    kafka.stored = 10
    pipeline = of(kafka)
    health = await pipeline.health()
    assert health.lag_s == pytest.approx(3_600, rel=0.15)
    asked_back = kafka.asked_back
    clock.now_s += 2
    assert (await pipeline.health()).lag_s == pytest.approx(3_600, rel=0.15)
    assert 0 < kafka.asked_back == asked_back, "it is remembered"


async def test_a_sink_that_stores_nothing_though_records_wait_is_trouble(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    kafka.accept(5)
    assert (await pipeline.health()).trouble is None
    for _ in range(5):
        clock.now_s += 2
        await pipeline.health()
    clock.now_s += 2
    health = await pipeline.health()
    assert health.trouble is not None
    assert "nothing was stored for 12 s" in health.trouble
    kafka.stored = 1
    clock.now_s += 2
    assert (await pipeline.health()).trouble is None
    kafka.stored = 5
    clock.now_s += 3_600
    health = await pipeline.health()
    assert (health.trouble, health.lag_s) == (None, 0.0)


async def test_a_quiet_topic_is_no_trouble(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    kafka.accept(5)
    kafka.stored = 5
    for _ in range(20):
        clock.now_s += 60
        health = await pipeline.health()
        assert (health.trouble, health.lag_s) == (None, 0.0)


async def test_kafka_away_is_trouble_and_nothing_else_is_known(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    await pipeline.health()
    kafka.away = True
    clock.now_s += 2
    health = await pipeline.health()
    assert (health.trouble, health.snapshot, health.lag_s) == ("Kafka is away.", None, None)
    assert await pipeline.health() is health, "a failure is shared too"
    kafka.away = False
    clock.now_s += 2
    assert (await pipeline.health()).trouble is None


async def test_a_topic_made_again_is_measured_anew(kafka: Kafka, clock: Clock) -> None:
    pipeline = of(kafka)
    kafka.accept(100)
    kafka.stored = 100
    await pipeline.health()
    kafka.arrived_at, kafka.stored = [], 0
    clock.now_s += 2
    health = await pipeline.health()
    assert (health.accepted_per_s, health.stored_per_s, health.lag_s) == (None, None, 0.0)

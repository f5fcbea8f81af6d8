"""The source on the real broker: positions, and that a commit of an assignment that is over is refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.structs import ConsumerRecord

from consumer.errors import Fenced, SourceUnavailable
from consumer.intent import Position
from consumer.settings import Settings
from consumer.source import OutOfRange, Source
from consumer.topic_record import TopicRecord
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.unit.consumer.records import record
from tests.waiting import wait_until_async


async def assigned(source: Source) -> int:
    """Wait for an assignment: its generation."""

    async def there() -> bool:
        return source.generation is not None and bool(source.partitions)

    await wait_until_async(there, 20, "partitions assigned")
    assert source.generation is not None
    return source.generation


@pytest.fixture
async def source(settings: Settings) -> AsyncIterator[Source]:
    started = Source(settings)
    await started.start()
    yield started
    await started.stop()


async def test_a_position_is_committed_and_read_with_its_intent(source: Source, namespace: Namespace) -> None:
    generation = await assigned(source)
    await source.commit(generation, {0: Position(0, 17), 2: Position(5)})
    assert await source.positions() == {0: Position(0, 17), 1: None, 2: Position(5)}
    assert await topic.committed(namespace) == {0: Position(0, 17), 2: Position(5)}


async def test_a_commit_for_an_earlier_generation_is_refused(source: Source, settings: Settings) -> None:
    """The state it carries was read before the others moved on, so it must not pass even in a process that rejoined."""
    first = await assigned(source)
    await source.commit(first, {0: Position(3)})
    other = Source(settings)
    joining = asyncio.create_task(other.start())
    try:

        async def revoking() -> bool:
            return source.revoking

        await wait_until_async(revoking, 20, "the group rebalances")
        source.release()
        await joining
        await assigned(source)
        with pytest.raises(Fenced):
            await source.commit(first, {0: Position(1)})
        positions = [*(await source.positions()).items(), *(await other.positions()).items()]
        assert (0, Position(3)) in positions
    finally:
        await other.stop()


async def test_the_old_assignment_holds_the_group_until_it_is_released(source: Source, settings: Settings) -> None:
    """What is in flight may finish and be committed while the others wait."""
    generation = await assigned(source)
    other = Source(settings)
    joining = asyncio.create_task(other.start())
    try:

        async def revoking() -> bool:
            return source.revoking

        await wait_until_async(revoking, 20, "the group rebalances")
        await source.commit(generation, {0: Position(9)})
        source.release()
        await joining
        await assigned(source)
        await assigned(other)
        assert sorted([*source.partitions, *other.partitions]) == [0, 1, 2]
    finally:
        await other.stop()


async def test_records_come_from_where_it_seeks(source: Source, namespace: Namespace) -> None:
    await topic.write(namespace, 1, [record(0).value for _ in range(5)])
    await assigned(source)
    source.seek(1, 2)
    fetched = await source.fetch([1], 10_000)
    assert [item.offset for item in fetched[1]] == [2, 3, 4]


async def test_an_offset_outside_the_log_is_told_and_never_skipped(source: Source, namespace: Namespace) -> None:
    await topic.write(namespace, 1, [record(0).value for _ in range(5)])
    await topic.delete_before(namespace, 1, 3)
    await assigned(source)
    source.seek(1, 0)
    with pytest.raises(OutOfRange) as told:
        await source.fetch([1], 20_000)
    assert told.value.partitions == [1]
    assert (await source.log_bounds([1]))[1] == (3, 5)


async def test_a_missing_topic_is_told_and_not_created(settings: Settings, namespace: Namespace) -> None:
    source = Source(settings.model_copy(update={"kafka_topic": f"{namespace.topic}-missing"}))
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match=r"does not exist: run `python -m deploy\.setup`"):
            await source.start()


async def test_kafka_away_is_told(settings: Settings) -> None:
    source = Source(settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"}))
    with pytest.raises(SourceUnavailable, match="Kafka"):
        await source.start()


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
async def test_records_come_as_they_were_written(source: Source, namespace: Namespace, compression: str | None) -> None:
    """They are aiokafka's own C records: the sink's four fields are there, and a plain consumer's are untouched."""
    await assigned(source)
    values = [b"{}", "é".encode(), b"\x00\xff", b"x" * 100_000, None]
    await topic.write(namespace, 1, values, key=b"a user", compression=compression)
    source.seek(1, 0)
    fetched: list[TopicRecord] = []
    async with asyncio.timeout(20):
        while len(fetched) < len(values):
            fetched += (await source.fetch([1], 1_000)).get(1, ())
    assert [(one.offset, one.key, one.value) for one in fetched] == [
        (offset, b"a user", value) for offset, value in enumerate(values)
    ]
    plain = await topic.read(namespace, 1, len(values))
    assert [one.timestamp for one in fetched] == [one.timestamp for one in plain]
    assert not any(isinstance(one, ConsumerRecord) for one in fetched)
    assert {(one.topic, one.partition) for one in plain} == {(namespace.topic, 1)}

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

    await wait_until_async(there, 60, "partitions assigned")
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

        await wait_until_async(revoking, 60, "the group rebalances")
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

        await wait_until_async(revoking, 60, "the group rebalances")
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
    fetched = await source.fetch([1], 60_000)
    assert [item.offset for batch in fetched[1] for item in batch.reread()] == [2, 3, 4]


async def test_an_offset_outside_the_log_is_told_and_never_skipped(source: Source, namespace: Namespace) -> None:
    await topic.write(namespace, 1, [record(0).value for _ in range(5)])
    await topic.delete_before(namespace, 1, 3)
    await assigned(source)
    source.seek(1, 0)
    with pytest.raises(OutOfRange) as told:
        await source.fetch([1], 60_000)
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


async def fetched_records(source: Source, count: int) -> list[TopicRecord]:
    """The next records of partition 1, as their batches read them again."""
    records: list[TopicRecord] = []
    async with asyncio.timeout(60):
        while len(records) < count:
            records += [one for batch in (await source.fetch([1], 1_000)).get(1, ()) for one in batch.reread()]
    return records


@pytest.mark.parametrize("compression", [None, "gzip", "zstd"])
@pytest.mark.parametrize("as_one", [False, True], ids=["small batches", "a large batch"])
async def test_records_come_as_they_were_written(
    source: Source, namespace: Namespace, compression: str | None, *, as_one: bool
) -> None:
    """The sink's four fields of them, whether it keeps records or reads them again; a plain consumer's are as ever."""
    await assigned(source)
    values = [b"{}", "é".encode(), b"\x00\xff", b"x" * 100_000, None, *([record(0).value] * 200 if as_one else [])]
    await topic.write(namespace, 1, values, key=b"a user", compression=compression, as_one=as_one)
    source.seek(1, 0)
    fetched = await fetched_records(source, len(values))
    assert [(one.offset, one.key, one.value) for one in fetched] == [
        (offset, b"a user", value) for offset, value in enumerate(values)
    ]
    plain = await topic.read(namespace, 1, len(values))
    assert [(one.timestamp, one.value) for one in fetched] == [(one.timestamp, one.value) for one in plain]
    assert {(one.topic, one.partition, type(one)) for one in plain} == {(namespace.topic, 1, ConsumerRecord)}


async def test_a_fetch_that_begins_inside_a_large_batch_gives_its_rest(source: Source, namespace: Namespace) -> None:
    await assigned(source)
    await topic.write(namespace, 1, [record(0).value] * 300, as_one=True)
    source.seek(1, 120)
    async with asyncio.timeout(60):
        while not (fetched := await source.fetch([1], 1_000)):
            pass
    [rest] = fetched[1]
    assert (rest.first, rest.last, rest.count, len(rest.months[0].ids)) == (120, 299, 180, 180 * 36)
    assert [one.offset for one in rest.reread()] == list(range(120, 300))

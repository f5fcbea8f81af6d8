"""The sink's commands over two shards, before and after the second one was added."""

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from consumer.audit import Wanted, audit
from consumer.audit_report import PartitionBooks, Report
from consumer.block import build
from consumer.dead_letter_shards import DeadLetterShards
from consumer.dead_letter_table import Wanted as WantedLetters
from consumer.dead_letters import DeadLetter
from consumer.errors import StoreUnavailable
from consumer.intent import Position
from consumer.replay import Outcome, Replay
from consumer.replay_topic import ReplayTopic
from consumer.settings import Settings
from consumer.shards import Shards as Stores
from tests.infra import Infra
from tests.integration.consumer import topic
from tests.shards import ShardedNamespace, Shards, running, sharded
from tests.unit.consumer.records import Record, action, record

PARTITIONS = 2


@pytest.fixture(scope="module")
def shards(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    with running(tmp_path_factory.mktemp("shards"), infra, 2) as started:
        yield started


@pytest.fixture
def namespace(infra: Infra, shards: Shards) -> Iterator[ShardedNamespace]:
    with sharded(infra, shards, PARTITIONS) as made:
        for shard in range(2):
            made.on(shard, "SYSTEM STOP MERGES {db}.actions")
        yield made


@pytest.fixture
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    opened = Stores.of(settings)
    await opened.open()
    yield opened
    await opened.close()


async def store(namespace: ShardedNamespace, stores: Stores, shard: int, records: Sequence[Record]) -> None:
    """One block of partition 1."""
    for part in build(namespace.topic, 1, records[0].offset, records[-1].offset + 1, records).sub_blocks:
        await stores.at(shard).insert(part, part.token)


async def books(settings: Settings) -> tuple[Report, PartitionBooks]:
    report = await audit(settings, Wanted())
    return report, report.partitions[1]


async def test_rows_from_before_a_shard_was_added_are_found_and_said(
    namespace: ShardedNamespace, stores: Stores, settings: Settings
) -> None:
    """Of an id that was sent again afterwards a row stands on each shard."""
    again = action()
    written = [record(0), record(1, again), Record(2, b"bad"), record(3), record(4, again), Record(5, b"bad too")]
    await topic.write(namespace, 1, [item.value for item in written])
    await store(namespace, stores, 0, written[:3])
    await store(namespace, stores, 1, written[3:])
    await topic.commit(namespace, {1: Position(6)})
    report, partition = await books(settings)
    assert report.balanced
    assert (report.shards, partition.shard) == (2, 1)
    assert (partition.stored_once, partition.dead_lettered, partition.missing) == (4, 2, 0)
    assert (partition.on_other_shards, partition.repeated_ids, partition.ids_on_several_shards) == (3, 1, 1)
    assert "3 rows stand on other shards than 1" in report.as_text()


async def test_a_row_on_two_shards_is_there_twice(
    namespace: ShardedNamespace, stores: Stores, settings: Settings
) -> None:
    written = [record(offset) for offset in range(10)]
    await topic.write(namespace, 1, [item.value for item in written])
    await store(namespace, stores, 1, written)
    await store(namespace, stores, 0, written[4:5])
    await topic.commit(namespace, {1: Position(10)})
    report, partition = await books(settings)
    assert not report.balanced
    assert (partition.stored_twice, partition.stored_once, partition.on_other_shards) == (1, 9, 1)
    assert [(entry.offset, entry.rows) for entry in partition.listed_twice] == [(4, 2)]


async def test_an_audit_without_a_shard_is_no_audit(settings: Settings, unused_tcp_port: int) -> None:
    first, _ = settings.shard_urls
    lost = settings.model_copy(update={"clickhouse_shard_urls": f"{first},http://127.0.0.1:{unused_tcp_port}"})
    with pytest.raises(StoreUnavailable, match=f"shard 1 .*{unused_tcp_port}"):
        await audit(lost, Wanted())


@pytest.fixture
async def letters(settings: Settings) -> AsyncIterator[DeadLetterShards]:
    opened = DeadLetterShards(settings)
    await opened.open()
    yield opened
    await opened.close()


async def test_dead_letters_of_every_shard_are_listed_in_one_order(
    namespace: ShardedNamespace, stores: Stores, letters: DeadLetterShards
) -> None:
    for shard, offset in ((0, 3), (1, 1), (0, 5), (1, 4)):
        await store(namespace, stores, shard, [Record(offset, b"bad")])
    found = await letters.select(WantedLetters(), limit=10, newest_first=True)
    assert [(letter.shard, letter.offset) for letter in found] == [(1, 4), (0, 5), (1, 1), (0, 3)]
    first = await letters.select(WantedLetters(), limit=3)
    assert [(letter.shard, letter.offset) for letter in first] == [(1, 1), (0, 3), (1, 4)]
    ids = [DeadLetter.of(namespace.topic, 1, Record(offset, b"bad"), "").event_id for offset in (1, 3, 4, 5)]
    assert await letters.ids(WantedLetters()) == ids


async def test_each_letter_is_replayed_once_and_marked_where_it_stands(
    namespace: ShardedNamespace, stores: Stores, letters: DeadLetterShards, settings: Settings
) -> None:
    for shard, offset in ((0, 3), (1, 4)):
        await store(namespace, stores, shard, [Record(offset, b"bad")])
    ids = await letters.ids(WantedLetters())
    for expected in (Outcome.PUBLISHED, Outcome.ALREADY):
        replay = Replay(letters, ReplayTopic(settings))
        await replay.open()
        outcomes = await replay.run(ids)
        await replay._topic.close()
        assert [result.outcome for result in outcomes] == [expected, expected]
    marked = "SELECT DISTINCT event_id FROM {db}.dead_letter_replays WHERE state = 'published'"
    assert [namespace.on(shard, marked) for shard in (0, 1)] == ids
    assert {letter.state for letter in await letters.select(WantedLetters(), limit=10)} == {"replayed"}

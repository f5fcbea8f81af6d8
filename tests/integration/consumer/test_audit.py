"""The audit on the real servers: what balances, and that each kind of error is found with its offset and id."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from consumer.audit import Wanted, audit
from consumer.audit_report import Entry, PartitionBooks, Repeated, Report
from consumer.block import build
from consumer.dead_letters import DeadLetter
from consumer.intent import Position
from consumer.settings import Settings
from consumer.store import Store
from contract.record import decode
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.unit.consumer.records import NOON, Record, action, record


class Sunk:
    """A topic and what a sink stored of it, each step by hand."""

    def __init__(self, namespace: Namespace, store: Store) -> None:
        self.namespace = namespace
        self._store = store

    async def write(self, partition: int, records: Sequence[Record]) -> None:
        await topic.write(self.namespace, partition, [item.value for item in records])

    async def store(self, partition: int, records: Sequence[Record], mark: str = "") -> None:
        """One block of them."""
        name = self.namespace.topic
        for part in build(name, partition, records[0].offset, records[-1].offset + 1, records).sub_blocks:
            await self._store.insert(part, part.token + mark)

    def mutate(self, statement: str) -> None:
        """Mutations wait for merges that are stopped."""
        self.namespace.query("SYSTEM START MERGES {db}.actions")
        self.namespace.query(statement)

    async def commit(self, **offsets: int) -> None:
        """``p0=17``: everything below 17 of partition 0."""
        await topic.commit(self.namespace, {int(name[1:]): Position(offset) for name, offset in offsets.items()})

    async def all(self, partition: int, records: Sequence[Record]) -> None:
        """Written, stored and committed."""
        await self.write(partition, records)
        await self.store(partition, records)
        await self.commit(**{f"p{partition}": records[-1].offset + 1})


@pytest.fixture
def sunk(namespace: Namespace, store: Store) -> Sunk:
    namespace.query("SYSTEM STOP MERGES {db}.actions")
    return Sunk(namespace, store)


def records(count: int, first: int = 0) -> list[Record]:
    return [record(offset) for offset in range(first, first + count)]


def event_id(item: Record) -> str:
    return decode(item.value).event_id


async def books(settings: Settings, partition: int = 0, wanted: Wanted | None = None) -> tuple[Report, PartitionBooks]:
    report = await audit(settings, wanted or Wanted())
    return report, next(entry for entry in report.partitions if entry.partition == partition)


async def test_what_is_stored_once_balances(sunk: Sunk, settings: Settings) -> None:
    await sunk.all(0, records(300))
    await sunk.all(2, records(7))
    report, first = await books(settings)
    assert report.balanced
    assert report.verdict() == "The books balance: 307 records, none missing, none stored twice."
    assert (first.records, first.distinct_ids, first.stored_once, first.missing) == (300, 300, 300, 0)
    assert [entry.records for entry in report.partitions] == [300, 0, 7]


async def test_an_empty_topic_balances(namespace: Namespace, settings: Settings) -> None:
    report = await audit(settings, Wanted())
    assert report.balanced
    assert [(entry.start, entry.end, entry.committed) for entry in report.partitions] == [(0, 0, None)] * 3
    assert "no records" in report.as_text()


async def test_actions_of_several_months_and_of_far_away_times_are_found(sunk: Sunk, settings: Settings) -> None:
    """Each at its own time: a stretch's rows stand in several of the table's partitions."""
    times = [NOON, NOON - timedelta(days=30), datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC)]
    times += [NOON + timedelta(hours=hour) for hour in range(1_100)]
    await sunk.all(0, [record(offset, action(time=time)) for offset, time in enumerate(times)])
    report, first = await books(settings)
    assert (report.balanced, first.stored_once) == (True, len(times))


async def test_a_deleted_row_is_missing_with_its_offset_and_id(sunk: Sunk, settings: Settings) -> None:
    written = records(50)
    await sunk.all(0, written)
    sunk.mutate("ALTER TABLE {db}.actions DELETE WHERE offset = 17 SETTINGS mutations_sync = 2")
    report, first = await books(settings)
    assert not report.balanced
    assert (first.missing, first.stored_once) == (1, 49)
    assert first.listed_missing == [Entry(17, event_id(written[17]))]
    assert "1 missing" in report.verdict()
    assert f"17 {event_id(written[17])}" in report.as_text()


async def test_an_erased_row_was_stored(sunk: Sunk, settings: Settings) -> None:
    await sunk.all(0, records(50))
    sunk.mutate("DELETE FROM {db}.actions WHERE offset = 17")
    report, first = await books(settings)
    assert (report.balanced, first.stored_once) == (True, 50)


async def test_a_row_that_stands_twice_at_its_position_is_found(sunk: Sunk, settings: Settings) -> None:
    written = records(50)
    await sunk.all(0, written)
    await sunk.store(0, written[20:21], "again")
    report, first = await books(settings)
    assert not report.balanced
    assert (first.stored_twice, first.stored_once) == (1, 49)
    assert first.listed_twice == [Entry(20, event_id(written[20]), 2)]


@pytest.mark.parametrize("at", [5, 5_000], ids=["at another's position", "beyond the log"])
async def test_a_row_that_stands_again_where_its_record_is_not_is_found(
    sunk: Sunk, settings: Settings, at: int
) -> None:
    written = records(50)
    await sunk.all(0, written)
    await sunk.store(0, [replace(written[20], offset=at)])
    report, first = await books(settings)
    assert not report.balanced
    assert first.listed_twice == [Entry(at, event_id(written[20]), 2)]


async def test_what_a_client_sent_twice_is_no_error_merged_or_not(sunk: Sunk, settings: Settings) -> None:
    item = action()
    written = [record(0), record(1, item), record(2), record(3, item)]
    await sunk.all(0, written)
    await sunk.commit(p0=4)
    report, first = await books(settings)
    assert report.balanced
    assert (first.distinct_ids, first.repeated_ids, first.stored_once, first.stored_elsewhere) == (3, 1, 4, 0)
    assert first.listed_repeated == [Repeated(item.event_id, [1, 3])]
    sunk.namespace.query("SYSTEM START MERGES {db}.actions")
    sunk.namespace.query("OPTIMIZE TABLE {db}.actions FINAL")
    assert sunk.namespace.query("SELECT count() FROM {db}.actions") == "3"
    report, first = await books(settings)
    assert (report.balanced, first.stored_once, first.stored_elsewhere) == (True, 3, 1)


async def test_dead_letters_are_accounted_for_and_missed(sunk: Sunk, settings: Settings) -> None:
    """Those that are no actions, and an action that ClickHouse refused."""
    refused = record(3)
    written = [record(0), Record(1, b"no action"), Record(2, None), refused]
    await sunk.write(0, written)
    await sunk.store(0, written[:3])
    await sunk.commit(p0=4)
    report, first = await books(settings)
    assert (first.dead_lettered, first.stored_once) == (2, 1)
    assert first.listed_missing == [Entry(3, event_id(refused))]
    await keep_as_dead_letter(sunk, refused)
    report, first = await books(settings)
    assert (report.balanced, first.dead_lettered) == (True, 3)
    sunk.mutate("ALTER TABLE {db}.dead_letters DELETE WHERE offset = 1 SETTINGS mutations_sync = 2")
    report, first = await books(settings)
    assert [entry.offset for entry in first.listed_missing] == [1]


async def keep_as_dead_letter(sunk: Sunk, item: Record) -> None:
    """As the sink keeps a record that ClickHouse refused."""
    sunk.namespace.query(
        "INSERT INTO {db}.dead_letters (event_id, topic, partition, offset, value, error_code) SELECT"
        f" '{letter_id(sunk.namespace.topic, item)}', '{sunk.namespace.topic}', 0, {item.offset}, 'refused', 131"
    )


def letter_id(name: str, item: Record) -> str:
    return DeadLetter.of(name, 0, item, "refused", 131).event_id


async def test_what_is_not_committed_yet_is_in_flight(sunk: Sunk, settings: Settings) -> None:
    written = records(50)
    await sunk.write(0, written)
    await sunk.store(0, written[:30])
    await sunk.commit(p0=20)
    report, first = await books(settings)
    assert report.balanced
    assert (first.stored_once, first.in_flight, first.committed) == (30, 20, 20)
    await sunk.commit(p0=40)
    report, first = await books(settings)
    assert (first.missing, first.in_flight) == (10, 10)


async def test_rows_of_an_earlier_topic_are_told_and_are_no_error(sunk: Sunk, settings: Settings) -> None:
    """A topic made again: its records stand at the same offsets as the rows of its predecessor."""
    earlier, hidden = records(60), record(25, action(time=NOON - timedelta(days=400)))
    await sunk.store(0, earlier)
    await sunk.store(0, [hidden])
    await sunk.all(0, records(30))
    report, first = await books(settings)
    assert report.balanced
    assert (first.stored_once, first.foreign_rows, first.rows_beyond_the_log) == (30, 31, 30)
    assert Entry(25, event_id(hidden)) in first.listed_foreign
    assert "deleted and made again" in report.as_text()


async def test_rows_of_partitions_that_the_topic_lacks_are_told(sunk: Sunk, settings: Settings) -> None:
    await sunk.store(9, records(4))
    report = await audit(settings, Wanted())
    assert (report.balanced, report.rows_of_other_partitions) == (True, 4)


async def test_what_retention_deleted_is_told_stored_before_or_not(sunk: Sunk, settings: Settings) -> None:
    written = records(50)
    await sunk.write(0, written)
    await sunk.store(0, written[:20])
    await sunk.commit(p0=20)
    await topic.delete_before(sunk.namespace, 0, 35)
    _, first = await books(settings)
    assert (first.start, first.records, first.in_flight) == (35, 15, 15)
    assert (first.lost_to_retention, first.rows_before_the_log) == (15, 20)


async def test_a_range_of_offsets_and_some_partitions(sunk: Sunk, settings: Settings) -> None:
    await sunk.all(0, records(50))
    await sunk.all(1, records(50))
    sunk.mutate("ALTER TABLE {db}.actions DELETE WHERE offset = 17 SETTINGS mutations_sync = 2")
    report, only = await books(settings, 1, Wanted(10, 20, (1,)))
    assert [entry.partition for entry in report.partitions] == [1]
    assert (only.start, only.end, only.records, only.missing) == (10, 20, 10, 1)
    report, only = await books(settings, 1, Wanted(18, 20))
    assert report.balanced


async def test_transactions_end_marks_and_aborted_records_are_no_records(sunk: Sunk, settings: Settings) -> None:
    written = [record(offset) for offset in (0, 2, 4)]
    await topic.write_in_transactions(sunk.namespace, 0, [item.value for item in written])
    await sunk.store(0, written)
    await sunk.commit(p0=5)
    report, first = await books(settings)
    assert report.balanced
    assert (first.records, first.stored_once, first.end) == (3, 3, 8)


async def test_an_open_transaction_ends_the_audit_of_its_partition(sunk: Sunk, settings: Settings) -> None:
    await sunk.all(0, records(5))
    async with AIOKafkaProducer(
        bootstrap_servers=sunk.namespace.infra.kafka_bootstrap, transactional_id=f"test-{sunk.namespace.topic}"
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(sunk.namespace.topic, record(0).value, b"user", 0)
        report, first = await books(settings)
        await producer.abort_transaction()
    assert (report.balanced, first.records, first.end) == (True, 5, 5)


async def test_a_range_of_times(sunk: Sunk, settings: Settings) -> None:
    await sunk.all(0, records(50))
    after = datetime.now(UTC) + timedelta(hours=1)
    before = after - timedelta(hours=2)
    _, first = await books(settings, 0, Wanted(before, after))
    assert first.records == 50
    _, first = await books(settings, 0, Wanted(after, None))
    assert first.records == 0


async def test_lists_are_cut_and_counts_are_not(sunk: Sunk, settings: Settings) -> None:
    await sunk.all(0, records(50))
    sunk.mutate("ALTER TABLE {db}.actions DELETE WHERE 1 SETTINGS mutations_sync = 2")
    report, first = await books(settings, 0, Wanted(limit=3))
    assert (first.missing, len(first.listed_missing)) == (50, 3)
    assert "... and 47 more" in report.as_text()
    answer = json.loads(report.as_json())
    assert (answer["balanced"], answer["partitions"][0]["missing"]) == (False, 50)

"""The books: what the topic holds against what the tables hold, record by record, without FINAL.

The bar of every fault test is here: each record of the topic is one row, at its own position, under its own id, and
there is no other row. Nothing may be merged meanwhile, since ReplacingMergeTree would take a duplicate away.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from consumer.intent import Position
from contract.record import RecordError, decode
from tests.namespace import Namespace, in_a_loop_of_its_own

_SHOWN = 5
_NO_MERGES = "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1"

TABLES = ("actions", "dead_letters")
Row = tuple[int, int, str]  # partition, offset, event id
Place = tuple[int, int]  # partition, offset


@dataclass(frozen=True)
class Held:
    """What a topic holds: the actions, and the places of records that are none."""

    rows: Counter[Row] = field(default_factory=Counter)
    poison: Counter[Place] = field(default_factory=Counter)

    def __add__(self, other: "Held") -> "Held":
        return Held(self.rows + other.rows, self.poison + other.poison)

    @property
    def ids(self) -> set[str]:
        return {event_id for _, _, event_id in self.rows}

    def without(self, event_ids: Collection[str]) -> "Held":
        """The same, with the rows of these ids counted as poison."""
        refused = Counter({(p, o): n for (p, o, event_id), n in self.rows.items() if event_id in event_ids})
        kept = Counter({row: n for row, n in self.rows.items() if row[2] not in event_ids})
        return Held(kept, self.poison + refused)


@dataclass(frozen=True)
class Books:
    """Sent and stored, side by side; ``problems()`` is empty when they agree."""

    sent: Held
    stored: Held
    merged_parts: int

    @property
    def missing(self) -> Counter[Row]:
        return self.sent.rows - self.stored.rows

    @property
    def surplus(self) -> Counter[Row]:
        return self.stored.rows - self.sent.rows

    def problems(self) -> list[str]:
        found: list[tuple[str, Mapping[Any, int]]] = [
            ("rows lost", self.missing),
            ("rows too many", self.surplus),
            ("dead letters lost", self.sent.poison - self.stored.poison),
            ("dead letters too many", self.stored.poison - self.sent.poison),
        ]
        lines = [f"{sum(places.values())} {what}, as {list(places)[:_SHOWN]}" for what, places in found if places]
        if self.merged_parts:
            lines.append(f"{self.merged_parts} parts were merged: duplicates may be gone")
        return lines

    def __str__(self) -> str:
        return (
            f"{self.sent.rows.total()} records of {len(self.sent.ids)} ids and {self.sent.poison.total()} of none sent;"
            f" {self.stored.rows.total()} rows of {len(self.stored.ids)} ids"
            f" and {self.stored.poison.total()} dead letters stored"
        )


def stop_merges(namespace: Namespace) -> None:
    """For good: SYSTEM STOP MERGES would be forgotten by a server that is killed."""
    for table in TABLES:
        namespace.query(f"ALTER TABLE {{db}}.{table} MODIFY SETTING {_NO_MERGES}")


def stored(namespace: Namespace) -> Held:
    """Every row of the two tables."""
    actions = namespace.query("SELECT partition, offset, event_id FROM {db}.actions FORMAT TSV").splitlines()
    letters = namespace.query("SELECT partition, offset FROM {db}.dead_letters FORMAT TSV").splitlines()
    rows = Counter((int(p), int(o), event_id) for p, o, event_id in (line.split("\t") for line in actions))
    return Held(rows, Counter((int(p), int(o)) for p, o in (line.split("\t") for line in letters)))


def merged_parts(namespace: Namespace) -> int:
    """Of the two tables that are counted: the setup's own list of migrations is merged as it pleases."""
    parts = f"system.parts WHERE database = '{namespace.database}' AND table IN {TABLES} AND active"
    return int(namespace.query(f"SELECT countIf(min_block_number < max_block_number) FROM {parts}"))


def sent(namespace: Namespace, partitions: int) -> Held:
    """Every record of the topic, from its first to its end."""
    return in_a_loop_of_its_own(_read_topic(namespace, partitions))


def is_caught_up(namespace: Namespace, partitions: int) -> bool:
    """Whether the group has committed the end of every partition's log, with no block begun."""
    try:
        return in_a_loop_of_its_own(_is_caught_up(namespace, partitions))
    except (KafkaError, OSError, TimeoutError):
        return False


def log_ends(namespace: Namespace, partitions: int) -> dict[int, int]:
    """The end of each partition's log."""
    return in_a_loop_of_its_own(_log_ends(namespace, partitions))


def topic_exists(namespace: Namespace) -> bool:
    return namespace.topic in in_a_loop_of_its_own(_topics(namespace))


def committed(namespace: Namespace) -> dict[int, Position]:
    """What the group has committed. Raises KafkaError while Kafka is away."""
    return in_a_loop_of_its_own(_committed(namespace))


async def _is_caught_up(namespace: Namespace, partitions: int) -> bool:
    ends = await _log_ends(namespace, partitions)
    positions = await _committed(namespace)
    return all(positions.get(number, Position(0)) == Position(end) for number, end in ends.items())


async def _committed(namespace: Namespace) -> dict[int, Position]:
    admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
    try:
        await admin.start()
        answer = await admin.list_consumer_group_offsets(namespace.group)
    finally:
        await admin.close()
    return {tp.partition: Position.read(at.offset, at.metadata) for tp, at in answer.items() if at.offset >= 0}


async def _topics(namespace: Namespace) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
    try:
        await admin.start()
        return list(await admin.list_topics())
    finally:
        await admin.close()


async def _log_ends(namespace: Namespace, partitions: int) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=namespace.infra.kafka_bootstrap)
    try:
        await consumer.start()
        wanted = [TopicPartition(namespace.topic, number) for number in range(partitions)]
        ends = await consumer.end_offsets(wanted)
    finally:
        await consumer.stop()
    return {tp.partition: end for tp, end in ends.items()}


async def _read_topic(namespace: Namespace, partitions: int) -> Held:
    consumer = AIOKafkaConsumer(bootstrap_servers=namespace.infra.kafka_bootstrap, auto_offset_reset="earliest")
    held = Held()
    try:
        await consumer.start()
        wanted = [TopicPartition(namespace.topic, number) for number in range(partitions)]
        consumer.assign(wanted)
        ends = await consumer.end_offsets(wanted)
        await consumer.seek_to_beginning(*wanted)
        while any([await consumer.position(tp) < ends[tp] for tp in wanted]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    _count(held, tp.partition, record.offset, record.value)
    finally:
        await consumer.stop()
    return held


def _count(held: Held, partition: int, offset: int, value: bytes | None) -> None:
    try:
        held.rows[partition, offset, decode(value).event_id] += 1
    except RecordError:
        held.poison[partition, offset] += 1

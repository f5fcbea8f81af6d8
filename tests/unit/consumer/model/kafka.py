"""Kafka as the sink's source meets it: a log with retention, and a group with generations and committed offsets.

What it behaves like, and where that is known from (FACTS is the project's list of experiments on the real servers):

- An offset is committed with a text beside it; only an admin client reads the text back (FACTS A3).
- A commit with another generation than the group's, or by a member it has dropped, is refused. A commit with the
  generation -1 passes while the group is empty (docs/decisions/003).
- A rebalance waits for every member to rejoin; until it is complete the old generation may still commit. A member that
  stays away is dropped when its session ends, and hears of it at its next heartbeat.
- A request that its sender has given up on may still be carried out. On one connection requests stay in order, so it
  comes before any later request of the same member; ``reordering`` takes that assumption away (two connections).
- Offsets may have gaps (transaction markers); the oldest records are deleted, read or not.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalGenerationError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata

from tests.unit.consumer.model.network import Program
from tests.unit.consumer.records import Record

_FETCH_RECORDS = 4  # of one partition in one answer

Offsets = Mapping[TopicPartition, OffsetAndMetadata]


@dataclass
class Log:
    """One partition: records by offset, with gaps; below ``start`` they are deleted."""

    records: dict[int, Record] = field(default_factory=dict)
    start: int = 0
    end: int = 0

    def append(self, value: bytes) -> Record:
        record = Record(self.end, value)
        self.records[self.end] = record
        self.end += 1
        return record

    def skip(self) -> None:
        """An offset without a record."""
        self.end += 1

    def delete_before(self, offset: int) -> None:
        self.start = max(self.start, min(offset, self.end))

    def read(self, offset: int) -> list[Record]:
        wanted = (self.records[number] for number in range(max(offset, self.start), self.end) if number in self.records)
        return [record for record, _ in zip(wanted, range(_FETCH_RECORDS), strict=False)]

    def rest(self, offset: int) -> bool:
        """Whether a record stands at ``offset`` or after it."""
        return any(number >= max(offset, self.start) for number in self.records)


class Seat:
    """One member's place in the group: waits for the next generation, or is dropped."""

    def __init__(self) -> None:
        self.formed = asyncio.Event()
        self.generation = -1
        self.partitions: set[TopicPartition] = set()


@dataclass(frozen=True)
class LeaveAnswer:
    """To a member that leaves."""

    error_code: int = 0


class Group:
    """The group's coordinator: members, generation, committed offsets."""

    def __init__(self, partitions: Iterable[TopicPartition]) -> None:
        self.generation = 0
        self.committed: dict[int, OffsetAndMetadata] = {}
        self._partitions = list(partitions)
        self._seats: dict[str, Seat] = {}
        self._joined: set[str] = set()
        self._preparing = False

    def join(self, member: str) -> Seat:
        """Ask for a place in the next generation."""
        seat = self._seats[member] = Seat()
        self._joined.add(member)
        self._preparing = True
        self._form_if_complete()
        return seat

    def drop(self, member: str) -> None:
        """It left, or its session ended."""
        seat = self._seats.pop(member, None)
        if seat is None:
            return
        self._joined.discard(member)
        seat.formed.set()
        self._preparing = bool(self._seats)
        self._form_if_complete()

    def confirm(self, member: str, generation: int) -> Program[None]:
        """A heartbeat."""
        self._check(member, generation)
        return
        yield

    def leave(self, member: str) -> Program[LeaveAnswer]:
        """A member's own wish."""
        self.drop(member)
        return LeaveAnswer()
        yield

    def expire(self) -> None:
        if not self._seats:
            self.committed = {}

    def knows(self, member: str) -> bool:
        return member in self._seats

    def awaits(self, member: str) -> bool:
        return self._preparing and member not in self._joined

    @property
    def settled(self) -> bool:
        return bool(self._seats) and not self._preparing

    def commit(self, member: str, generation: int, offsets: Offsets) -> Program[None]:
        self._check(member, generation)
        for tp, offset in offsets.items():
            self.committed[tp.partition] = offset
        return
        yield

    def _check(self, member: str, generation: int) -> None:
        if generation < 0 and not self._seats:
            return
        if member not in self._seats:
            raise UnknownMemberIdError
        if generation != self.generation:
            raise IllegalGenerationError

    def _form_if_complete(self) -> None:
        """Every member has rejoined: partitions move on by one member at each generation."""
        if not self._preparing or self._joined != set(self._seats):
            return
        self.generation += 1
        self._preparing, self._joined = False, set()
        members = sorted(self._seats)
        for seat in self._seats.values():
            seat.generation, seat.partitions = self.generation, set()
        for number, tp in enumerate(self._partitions):
            self._seats[members[(number + self.generation) % len(members)]].partitions.add(tp)
        for seat in self._seats.values():
            seat.formed.set()


class Broker:
    """The topic and the sink's group."""

    def __init__(self, topic: str, partitions: int) -> None:
        self.logs = {TopicPartition(topic, number): Log() for number in range(partitions)}
        self.group = Group(self.logs)

    def offsets(self, partitions: Sequence[TopicPartition]) -> Program[dict[TopicPartition, OffsetAndMetadata]]:
        return {tp: self.group.committed.get(tp.partition, OffsetAndMetadata(-1, "")) for tp in partitions}
        yield

    def starts(self, partitions: Sequence[TopicPartition]) -> Program[dict[TopicPartition, int]]:
        return {tp: self.logs[tp].start for tp in partitions}
        yield

    def ends(self, partitions: Sequence[TopicPartition]) -> Program[dict[TopicPartition, int]]:
        return {tp: self.logs[tp].end for tp in partitions}
        yield

    def lookup(self) -> Program[None]:
        return
        yield

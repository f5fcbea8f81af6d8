"""One assigned partition: collects records, cuts them into blocks, knows what is to be committed. Pure, no I/O.

COLLECTING ──cut──▶ PLANNED ──intent committed──▶ DELIVERING ──stored──▶ COLLECTING (end is to be committed)
                                                      └──torn──▶ STOPPED
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from consumer.intent import Position
from consumer.topic_record import TopicRecord


class State(Enum):
    COLLECTING = "collecting"
    PLANNED = "planned"
    DELIVERING = "delivering"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a block is cut: rows, bytes of values, age of the oldest record in seconds."""

    rows: int
    bytes: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The records ``[start, end)``. ``begun``: its intent was found committed, so some of it may be stored."""

    start: int
    end: int
    records: Sequence[TopicRecord]
    bytes: int
    begun: bool


class Partition:
    """The state of one partition under one assignment.

    position  what its committed offset should say now
    saved     what it says, as far as this process knows
    """

    def __init__(self, number: int, saved: Position, limits: Limits) -> None:
        self.number = number
        self.state = State.COLLECTING
        self.position = saved
        self.saved = saved
        self.next_offset = saved.committed
        self.waiting_bytes = 0
        self.cut: Cut | None = None
        self.stopped_because: str | None = None
        self._limits = limits
        self._records: list[TopicRecord] = []
        self._oldest: float | None = None
        self._found_intent = saved.intent

    @property
    def buffered_bytes(self) -> int:
        return self.waiting_bytes + (self.cut.bytes if self.cut else 0)

    @property
    def has_room(self) -> bool:
        """Whether more records may be fetched: up to one full block waits behind the one in flight."""
        full = self.waiting_bytes >= self._limits.bytes or len(self._records) >= self._limits.rows
        return self.state is not State.STOPPED and (not full or self._recovering)

    @property
    def is_dirty(self) -> bool:
        return self.position != self.saved

    @property
    def _recovering(self) -> bool:
        return self._found_intent is not None

    def add(self, records: Sequence[TopicRecord], now: float) -> None:
        """Take fetched records, in order. ``now`` is monotonic seconds."""
        if not records:
            return
        if records[0].offset < self.next_offset:
            raise ValueError(f"partition {self.number}: offset {records[0].offset} came after {self.next_offset - 1}")
        self._records.extend(records)
        self.waiting_bytes += sum(map(_size, records))
        self.next_offset = records[-1].offset + 1
        if self._oldest is None:
            self._oldest = now

    def due_at(self) -> float | None:
        """When the waiting records should be cut, in monotonic seconds; None while there is nothing to cut."""
        if self.state is not State.COLLECTING or self._oldest is None:
            return None
        if self._found_intent is not None:
            return self._oldest if self.next_offset >= self._found_intent else None
        full = len(self._records) >= self._limits.rows or self.waiting_bytes >= self._limits.bytes
        return self._oldest if full else self._oldest + self._limits.age_s

    def plan(self, now: float) -> None:
        """Cut the next block: the one whose intent was found, or as many waiting records as the limits allow."""
        count, size = self._take_found() if self._found_intent is not None else self._take_limited()
        records, self._records = self._records[:count], self._records[count:]
        self.waiting_bytes -= size
        self._oldest = now if self._records else None
        end = self._found_intent if self._found_intent is not None else records[-1].offset + 1
        self.cut = Cut(self.position.committed, end, records, size, begun=self._recovering)
        self._found_intent = None
        self.position = Position(self.position.committed, end)
        self.state = State.PLANNED

    def _take_found(self) -> tuple[int, int]:
        found = [record for record in self._records if record.offset < (self._found_intent or 0)]
        return len(found), sum(map(_size, found))

    def _take_limited(self) -> tuple[int, int]:
        size = 0
        for count, record in enumerate(self._records):
            if count >= self._limits.rows or (count and size + _size(record) > self._limits.bytes):
                return count, size
            size += _size(record)
        return len(self._records), size

    def begin(self) -> Cut:
        """The intent is committed: the block may be inserted."""
        assert self.cut is not None  # noqa: S101 - PLANNED has one
        self.state = State.DELIVERING
        return self.cut

    def finish(self) -> None:
        """Every row of the block is stored."""
        assert self.cut is not None  # noqa: S101 - DELIVERING has one
        self.position = Position(self.cut.end)
        self.cut = None
        self.state = State.COLLECTING

    def stop(self, reason: str) -> None:
        """Hold this partition: its records stay in Kafka until an operator acts."""
        self.state = State.STOPPED
        self.stopped_because = reason

    def skip_to(self, offset: int) -> int:
        """The log now starts at ``offset``: go on there. Answers how many offsets are gone."""
        lost = max(0, offset - self.next_offset)
        self.next_offset = offset
        return lost


def _size(record: TopicRecord) -> int:
    return len(record.value or b"") + len(record.key or b"")

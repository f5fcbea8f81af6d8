"""One assigned partition: collects records, cuts them into blocks, knows what is to be committed. Pure, no I/O.

COLLECTING ──cut──▶ PLANNED ──intent committed──▶ DELIVERING ──stored──▶ COLLECTING (end is to be committed)
                                                      └──torn──▶ STOPPED
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate

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
    stored_until_ms   Kafka's timestamp of the last record that was stored, in milliseconds; None before the first
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
        self._sizes: list[int] = []  # of each of them, bytes
        self._oldest: float | None = None
        self._found_intent = saved.intent
        self.stored_until_ms: int | None = None
        self._again_at: int | None = None
        self._doubtful_below = 0

    @property
    def buffered_bytes(self) -> int:
        return self.waiting_bytes + (self.cut.bytes if self.cut else 0)

    @property
    def has_room(self) -> bool:
        """Whether more records may be fetched: up to one full block waits behind the one in flight."""
        full = self.waiting_bytes >= self._limits.bytes or len(self._records) >= self._limits.rows
        return self.state is not State.STOPPED and self._again_at is None and (not full or self._recovering)

    @property
    def oldest_ms(self) -> int | None:
        """Kafka's timestamp of the oldest record that was read and is not stored, in milliseconds; None without any."""
        unstored = self.cut.records if self.cut and self.cut.records else self._records
        return unstored[0].timestamp if unstored else None

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
        sizes = [len(record.value or b"") + len(record.key or b"") for record in records]
        self._records.extend(records)
        self._sizes.extend(sizes)
        self.waiting_bytes += sum(sizes)
        self.next_offset = records[-1].offset + 1
        if self._oldest is None:
            self._oldest = now

    def due_at(self) -> float | None:
        """When the waiting records should be cut, in monotonic seconds; None while there is nothing to cut."""
        if self.state is not State.COLLECTING or self._oldest is None:
            return None
        if self._found_intent is not None:
            return self._oldest if self.next_offset >= self._found_intent else None
        if self._again_at is not None:
            return self._oldest
        full = len(self._records) >= self._limits.rows or self.waiting_bytes >= self._limits.bytes
        return self._oldest if full else self._oldest + self._limits.age_s

    def plan(self, now: float) -> None:
        """Cut the next block: the one whose intent was found, or as many waiting records as the limits allow."""
        count = self._count_found() if self._found_intent is not None else self._count_limited()
        records, self._records = self._records[:count], self._records[count:]
        size, self._sizes = sum(self._sizes[:count]), self._sizes[count:]
        self.waiting_bytes -= size
        self._oldest = now if self._records else None
        end = self._found_intent if self._found_intent is not None else records[-1].offset + 1
        begun = self._recovering or self.position.committed < self._doubtful_below
        self.cut = Cut(self.position.committed, end, records, size, begun)
        self._found_intent = None
        self.position = Position(self.position.committed, end)
        self.state = State.PLANNED

    def _count_found(self) -> int:
        return sum(record.offset < (self._found_intent or 0) for record in self._records)

    def _count_limited(self) -> int:
        """As many records as the limits allow, and one at least."""
        count = min(len(self._records), self._limits.rows)
        if self.waiting_bytes <= self._limits.bytes:
            return count
        return max(1, bisect_right(list(accumulate(self._sizes[:count])), self._limits.bytes))

    def begin(self) -> Cut:
        """The intent is committed: the block may be inserted."""
        assert self.cut is not None  # noqa: S101 - PLANNED has one
        self.state = State.DELIVERING
        return self.cut

    def finish(self) -> None:
        """Every row of the block is stored."""
        assert self.cut is not None  # noqa: S101 - DELIVERING has one
        self.position = Position(self.cut.end)
        if self.cut.records:
            self.stored_until_ms = self.cut.records[-1].timestamp
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

    def doubt_below(self, offset: int) -> None:
        """Blocks that begin below it may be stored already: read back before they are inserted."""
        self._doubtful_below = max(self._doubtful_below, offset)

    def begin_again(self, log_start: int) -> None:
        """The log ends before what was read of it: it was cut, or the topic was deleted and made again.

        What was read is stored first. Then the log is read from its start, and blocks at offsets that were passed
        before are read back before they are inserted: in a log that was cut they are stored already.
        """
        self._again_at = log_start
        self.doubt_below(max(self.next_offset, self._found_intent or 0))
        if self._found_intent is not None:
            self._found_intent = None  # what is left of its records is in no log any more
            self.position = Position(self.position.committed)

    def begun_again(self) -> int | None:
        """Once nothing that was read waits any more: the offset to fetch from."""
        if self._again_at is None or self.state is not State.COLLECTING or self._records:
            return None
        start, self._again_at = self._again_at, None
        self.position, self.next_offset = Position(start), start
        return start

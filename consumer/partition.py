"""One assigned partition: collects records, cuts them into blocks, knows what is to be committed. Pure, no I/O.

COLLECTING ──cut──▶ PLANNED ──intent committed──▶ DELIVERING ──stored──▶ COLLECTING (end is to be committed)
                                                      └──torn──▶ STOPPED
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import accumulate

from consumer.batch import Batch
from consumer.intent import Position


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
    """The records ``[start, end)``.

    begun     its intent was found committed, or it is in doubt: some of it may be stored
    shard     where it is stored; None where there is one shard only, or was when it was begun
    in_doubt  nobody knows on which shard some of it may be stored: all of them are asked
    """

    start: int
    end: int
    batches: Sequence[Batch]
    begun: bool
    shard: int | None = None
    in_doubt: bool = False

    @property
    def rows(self) -> int:
        return sum(batch.count for batch in self.batches)

    @property
    def bytes(self) -> int:
        return sum(batch.bytes for batch in self.batches)


class Partition:
    """The state of one partition under one assignment.

    shard     where the next blocks are stored; None where there is one shard only
    position  what its committed offset should say now
    saved     what it says, as far as this process knows
    stored_until_ms   Kafka's timestamp of the last record that was stored, in milliseconds; None before the first
    """

    def __init__(self, number: int, saved: Position, limits: Limits, shard: int | None = None) -> None:
        self.number = number
        self.shard = shard
        self.state = State.COLLECTING
        self.position = saved
        self.saved = saved
        self.next_offset = saved.committed
        self.waiting_rows = 0
        self.waiting_bytes = 0
        self.cut: Cut | None = None
        self.stopped_because: str | None = None
        self._limits = limits
        self._batches: list[Batch] = []
        self._oldest: float | None = None
        self._found_intent = saved.intent
        self.stored_until_ms: int | None = None
        self._again: tuple[int, int] | None = None  # where to begin, and below which offset to doubt

    @property
    def buffered_bytes(self) -> int:
        return self.waiting_bytes + (self.cut.bytes if self.cut else 0)

    @property
    def has_room(self) -> bool:
        """Whether more records may be fetched: up to one full block waits behind the one in flight."""
        is_open = self.state is not State.STOPPED and self._again is None
        return is_open and (not self._is_full or self.recovering)

    @property
    def oldest_ms(self) -> int | None:
        """Kafka's timestamp of the oldest record that was read and is not stored, in milliseconds; None without any."""
        unstored = self.cut.batches if self.cut and self.cut.batches else self._batches
        return unstored[0].first_ms if unstored else None

    @property
    def is_dirty(self) -> bool:
        return self.position != self.saved

    @property
    def recovering(self) -> bool:
        """Whether it still reads the block that its intent says was begun."""
        return self._found_intent is not None

    @property
    def goes_to(self) -> int | None:
        """The shard of the block that is begun, or else of the next one."""
        if self.cut is not None:
            return self.cut.shard
        return self.position.shard if self.recovering else self.shard

    @property
    def _is_full(self) -> bool:
        return self.waiting_rows >= self._limits.rows or self.waiting_bytes >= self._limits.bytes

    def add(self, batches: Sequence[Batch], now: float) -> None:
        """Take fetched batches, in order. ``now`` is monotonic seconds."""
        for batch in batches:
            if batch.first < self.next_offset:
                raise ValueError(f"partition {self.number}: offset {batch.first} came after {self.next_offset - 1}")
            self._batches.extend(batch.within(self._limits.rows, self._limits.bytes))
            self.waiting_rows += batch.count
            self.waiting_bytes += batch.bytes
            self.next_offset = batch.last + 1
        if self._oldest is None and self._batches:
            self._oldest = now

    def due_at(self) -> float | None:
        """When the waiting records should be cut, in monotonic seconds; None while there is nothing to cut."""
        if self.state is not State.COLLECTING or self._oldest is None:
            return None
        if self._found_intent is not None:
            return self._oldest if self.next_offset >= self._found_intent else None
        if self._again is not None:
            return self._oldest
        return self._oldest if self._is_full else self._oldest + self._limits.age_s

    def plan(self, now: float) -> None:
        """Cut the next block: the one whose intent was found, or as many waiting batches as the limits allow."""
        batches = self._taken_limited() if self._found_intent is None else self._taken_below(self._found_intent)
        end = batches[-1].last + 1 if self._found_intent is None else self._found_intent
        start, shard = self.position.committed, self.goes_to
        in_doubt = start < self.position.doubt_below
        self.cut = Cut(start, end, batches, self.recovering or in_doubt, shard, in_doubt)
        self.waiting_rows -= self.cut.rows
        self.waiting_bytes -= self.cut.bytes
        self._oldest = now if self._batches else None
        self._found_intent = None
        self.position = replace(self.position, intent=end, shard=shard)
        self.state = State.PLANNED

    def _taken_below(self, offset: int) -> list[Batch]:
        """All records below the offset, which may stand in the middle of a batch."""
        count = sum(batch.last < offset for batch in self._batches)
        if count < len(self._batches) and self._batches[count].first < offset:
            self._batches[count : count + 1] = self._batches[count].split(offset)
            count += 1
        return self._taken(count)

    def _taken_limited(self) -> list[Batch]:
        """As many batches as the limits allow; each alone keeps to them."""
        rows = list(accumulate(batch.count for batch in self._batches))
        sizes = list(accumulate(batch.bytes for batch in self._batches))
        count = min(bisect_right(rows, self._limits.rows), bisect_right(sizes, self._limits.bytes))
        return self._taken(max(1, count))  # a single record may be larger

    def _taken(self, count: int) -> list[Batch]:
        taken, self._batches = self._batches[:count], self._batches[count:]
        return taken

    def begin(self) -> Cut:
        """The intent is committed: the block may be inserted."""
        assert self.cut is not None  # noqa: S101 - PLANNED has one
        self.state = State.DELIVERING
        return self.cut

    def finish(self) -> None:
        """Every row of the block is stored."""
        assert self.cut is not None  # noqa: S101 - DELIVERING has one
        self._go_to(self.cut.end, self.position.doubt_below)
        if self.cut.batches:
            self.stored_until_ms = self.cut.batches[-1].last_ms
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

    def _go_to(self, offset: int, doubt_below: int) -> None:
        """No block is begun; a doubt that is behind is over."""
        self.position = Position(offset, doubt_below=doubt_below if doubt_below > offset else 0)

    def begin_again(self, log_start: int) -> None:
        """The log ends before what was read of it: it was cut, or the topic was deleted and made again.

        What was read is stored first. Then the log is read from its start, and blocks at offsets that were passed
        before are read back before they are inserted: in a log that was cut they are stored already.
        """
        doubt_below = max(self.next_offset, self._found_intent or 0, self.position.doubt_below)
        self._again = log_start, doubt_below
        if self._found_intent is not None:
            self._found_intent = None  # what is left of its records is in no log any more
            self._go_to(self.position.committed, self.position.doubt_below)

    def begun_again(self) -> int | None:
        """Once nothing that was read waits any more: the offset to fetch from."""
        if self._again is None or self.state is not State.COLLECTING or self._batches:
            return None
        (start, doubt_below), self._again = self._again, None
        self._go_to(start, doubt_below)
        self.next_offset = start
        return start

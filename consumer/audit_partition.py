"""One partition's books: its records, stretch by stretch, against the rows that stand at their positions.

Presence is by position first, and by id where nothing stands there: merges keep one row of an action that a client
sent twice (docs/DESIGN.md). Every row of the range is matched with its record, so a row too many has no place to hide:
it is the second at its position, or it stands where no record of its id is.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from consumer.audit_report import Entry, PartitionBooks, Repeated
from consumer.books import Id, Row, Times, id_of, text_of
from consumer.dead_letters import DeadLetter
from consumer.erased import Erased, microseconds
from consumer.log_reader import LogReader
from consumer.repeats import NOWHERE, Scratch
from consumer.shard_books import ShardBooks
from consumer.topic_record import TopicRecord
from contract.record import RecordError, decode

CHUNK_RECORDS = 20_000  # in memory at once


@dataclass(slots=True)
class Stretch:
    """The records ``[start, end)`` as they should be found."""

    start: int
    end: int
    actions: list[Row] = field(default_factory=list)
    letters: dict[int, Id] = field(default_factory=dict)  # the id that each record has, or would have, as a dead letter
    erased: set[int] = field(default_factory=set)  # offsets of records whose user asked for it
    times: Times | None = None
    rows_found: int = 0

    @classmethod
    def of(
        cls, topic: str, partition: int, start: int, end: int, records: Sequence[TopicRecord], erased: Erased
    ) -> "Stretch":
        stretch, times = cls(start, end), list[datetime]()
        for record in records:
            try:
                action = decode(record.value)
            except RecordError:
                stretch.letters[record.offset] = id_of(DeadLetter.of(topic, partition, record, "").event_id)
                user_id, received_us = (record.key or b"").decode(errors="replace"), record.timestamp * 1000
            else:
                user_id, received_us = action.user_id, microseconds(action.received_at)
                stretch.actions.append(Row(record.offset, id_of(action.event_id)))
                times.append(action.time)
            if erased.covers(user_id, partition, record.offset, received_us):
                stretch.erased.add(record.offset)
        stretch.times = Times.of(times)
        return stretch


class PartitionAudit:
    """Fills ``result``. ``limit``: entries of each list."""

    def __init__(
        self, books: ShardBooks, log: LogReader, topic: str, result: PartitionBooks, limit: int, erased: Erased
    ) -> None:
        self._books = books
        self._log = log
        self._topic = topic
        self.result = result
        self._limit = limit
        self._erased = erased
        self._stretches: list[Stretch] = []  # without their records, once they are matched

    async def run(self, progress: Callable[[int], None]) -> None:
        """``progress`` is told how many records each step has dealt with."""
        result = self.result
        at = result.start
        with Scratch(result.end - result.start) as scratch:
            async for start, end, records in self._log.read(result.partition, result.start, result.end, CHUNK_RECORDS):
                result.deleted_meanwhile += start - at
                at = end
                await self._match(start, end, records, scratch)
                progress(len(records))
            repeats = scratch.read(self._limit)
        result.end = min(result.end, max(at, result.start))  # an open transaction ends the reading early
        result.distinct_ids, result.repeated_ids = repeats.distinct, repeats.ids
        result.ids_on_several_shards = repeats.on_several_shards
        result.listed_repeated = [Repeated(text_of(item), at) for item, at in repeats.listed.items()]
        await self._find_foreign()

    async def _match(self, start: int, end: int, records: Sequence[TopicRecord], scratch: Scratch) -> None:
        stretch = Stretch.of(self._topic, self.result.partition, start, end, records, self._erased)
        self.result.records += len(records)
        found: list[list[Row]] = []
        if stretch.actions:
            found = await self._books.rows(self.result.partition, start, end, stretch.times)
        rows = self._joined(found)
        shards = {row: shard for shard, some in enumerate(found) for row in some} if len(found) > 1 else {}
        scratch.add((row.event_id, row.offset, shards.get(row, NOWHERE)) for row in stretch.actions)
        absent, foreign = self._match_rows(stretch, Counter(rows))
        await self._judge(foreign)
        await self._match_absent(stretch, absent, {record.offset: record for record in records})
        stretch.rows_found = len(rows)
        stretch.actions, stretch.letters, stretch.erased = [], {}, set()
        self._stretches.append(stretch)

    def _joined(self, found: Sequence[Sequence[Row]]) -> list[Row]:
        """The rows of all shards; those that are not on the partition's own are counted."""
        home = self._books.home_of(self.result.partition)
        self.result.on_other_shards += sum(len(rows) for shard, rows in enumerate(found) if shard != home)
        return list(chain.from_iterable(found))

    def _match_rows(self, stretch: Stretch, rows: Counter[Row]) -> tuple[list[Row], list[Row]]:
        """Actions against the rows at their positions; answers actions without a row, and rows without an action."""
        absent = []
        for action in stretch.actions:
            found = rows.pop(action, 0)
            if found == 0:
                absent.append(action)
            elif found == 1 and self._is_erased(stretch, action.offset):
                self.result.erased += 1
            elif found == 1:
                self.result.stored_once += 1
            else:
                self._twice(action, found)
        return absent, list(rows)

    async def _match_absent(self, stretch: Stretch, absent: list[Row], records: dict[int, TopicRecord]) -> None:
        """By id, then among the dead letters; what is nowhere is in flight or missing."""
        places = await self._books.places((action.event_id for action in absent), stretch.times) if absent else {}
        left = [action for action in absent if action.event_id not in places]
        self.result.stored_elsewhere += len(absent) - len(left)
        actions = {action.offset: action.event_id for action in left}
        letters = stretch.letters | {at: self._letter(records[at]) for at in actions}
        if not letters:
            return
        rows = await self._books.dead_letters(self._topic, self.result.partition, stretch.start, stretch.end)
        found = Counter(self._joined(rows))
        for offset, letter in sorted(letters.items()):
            entry = Row(offset, letter)
            if self._is_erased(stretch, offset):
                self.result.erased += 1
            elif found[entry]:
                # A second copy is the same row to dead_letters' engine, and is merged away by it.
                self.result.dead_lettered += 1
            else:
                self._nowhere(Row(offset, actions.get(offset, letter)))

    def _letter(self, record: TopicRecord) -> Id:
        return id_of(DeadLetter.of(self._topic, self.result.partition, record, "").event_id)

    def _is_erased(self, stretch: Stretch, offset: int) -> bool:
        """Rows are erased below the sink's committed offset only."""
        return offset in stretch.erased and not self._is_in_flight(offset)

    def _is_in_flight(self, offset: int) -> bool:
        return self.result.committed is None or offset >= self.result.committed

    def _nowhere(self, record: Row) -> None:
        result = self.result
        if self._is_in_flight(record.offset):
            result.in_flight += 1
            return
        result.missing += 1
        if len(result.listed_missing) < self._limit:
            result.listed_missing.append(Entry(record.offset, text_of(record.event_id)))

    def _twice(self, row: Row, rows: int) -> None:
        self.result.stored_twice += 1
        if len(self.result.listed_twice) < self._limit:
            self.result.listed_twice.append(Entry(row.offset, text_of(row.event_id), rows))

    async def _find_foreign(self) -> None:
        """Rows of the range that no stretch saw: at a time or under an id that the record there does not have."""
        result = self.result
        seen = sum(stretch.rows_found for stretch in self._stretches)
        if await self._books.count(result.partition, result.start, result.end) != seen:
            for stretch in self._stretches:
                await self._judge(await self._unseen(stretch))

    async def _unseen(self, stretch: Stretch) -> list[Row]:
        """Rows of the stretch at other times than its records'."""
        everything = await self._rows(stretch, None)
        if len(everything) == stretch.rows_found:
            return []
        expected: list[Row] = []
        if stretch.times:
            expected = await self._rows(stretch, stretch.times)
        return list(Counter(everything) - Counter(expected))

    async def _rows(self, stretch: Stretch, times: Times | None) -> list[Row]:
        rows = await self._books.rows(self.result.partition, stretch.start, stretch.end, times)
        return list(chain.from_iterable(rows))

    async def _judge(self, suspects: list[Row]) -> None:
        """Rows without a record: a double when its id has another row, else another log's.

        Those that are gone by now were merged away between two looks: nothing to say of them.
        """
        if not suspects:
            return
        places = await self._books.places((row.event_id for row in suspects), None)
        for row in suspects:
            rows = places.get(row.event_id, [])
            if (self.result.partition, row.offset) not in rows:
                continue
            self.result.foreign_rows += 1
            if len(self.result.listed_foreign) < self._limit:
                self.result.listed_foreign.append(Entry(row.offset, text_of(row.event_id)))
            if len(rows) > 1:
                self._twice(row, len(rows))

"""Batches: consecutive records of one partition, made into rows as one.

A thousand records, their actions and their rows fit into a processor's cache, 50,000 do not: batch by batch the same
work takes half the time. So a batch is made when its records are unpacked, and then keeps the rows, not the records:
whoever needs these reads them again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from consumer.dead_letters import DeadLetter
from consumer.topic_record import TopicRecord
from contract.record import ActionRecord, RecordError, decode, decode_all

_encode_lines: Final = msgspec.json.Encoder().encode_lines


@dataclass(frozen=True, slots=True)
class MonthRows:
    """Rows of one month of ``time``, in the records' order.

    month       of which year, as 202603
    ids         their event_ids, one after another: a string for each row would be memory that is never in the cache
    time_range  the first and the last ``time``
    body        ROW_COLUMNS as JSONCompactEachRow, bytes
    """

    month: int
    ids: str
    time_range: tuple[datetime, datetime]
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """One record at least.

    first, last          offsets of its first and last record
    first_ms, last_ms    Kafka's timestamps of these two, milliseconds since 1970
    count, bytes         of its records, and of their values
    months               their rows, by month
    dead                 those that are no actions
    reread               answers the records, every time the same
    """

    topic: str
    partition: int
    first: int
    last: int
    first_ms: int
    last_ms: int
    count: int
    bytes: int
    months: tuple[MonthRows, ...]
    dead: tuple[DeadLetter, ...]
    reread: Callable[[], Sequence[TopicRecord]] = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        topic: str,
        partition: int,
        records: Sequence[TopicRecord],
        reread: Callable[[], Sequence[TopicRecord]] | None = None,
    ) -> "Batch":
        """Decode, check and encode; without ``reread`` it keeps the records."""
        values = [record.value for record in records]
        actions, offsets, dead = _decoded(topic, partition, records, values)
        first, last = records[0], records[-1]
        return cls(
            topic,
            partition,
            first.offset,
            last.offset,
            first.timestamp,
            last.timestamp,
            len(records),
            sum(map(len, filter(None, values))),
            _rows_by_month(actions, offsets, partition),
            tuple(dead),
            reread or (lambda: records),
        )

    def split(self, offset: int) -> tuple["Batch", "Batch"]:
        """The records below the offset and the others, of which there must be one each at least."""
        records = self.reread()
        count = sum(record.offset < offset for record in records)
        return (
            Batch.of(self.topic, self.partition, records[:count]),
            Batch.of(self.topic, self.partition, records[count:]),
        )

    def within(self, rows: int, size: int) -> list["Batch"]:
        """Itself, or batches of so many records and bytes of values at most; a record that is larger is one alone."""
        if self.count <= rows and self.bytes <= size:
            return [self]
        pieces: list[list[TopicRecord]] = []
        filled = 0
        for record in self.reread():
            length = len(record.value or b"")
            if not pieces or len(pieces[-1]) == rows or filled + length > size:
                pieces.append([])
                filled = 0
            pieces[-1].append(record)
            filled += length
        return [Batch.of(self.topic, self.partition, piece) for piece in pieces]

    def records_of(self, month: int) -> list[TopicRecord]:
        """The records of which the month's rows were made."""
        actions = [(record, _action(record.value)) for record in self.reread()]
        return [record for record, action in actions if isinstance(action, ActionRecord) and _month(action) == month]


def _decoded(
    topic: str, partition: int, records: Sequence[TopicRecord], values: Sequence[bytes | None]
) -> tuple[list[ActionRecord], list[int], list[DeadLetter]]:
    """The actions, their offsets, and what is none."""
    try:
        return decode_all(values), [record.offset for record in records], []
    except RecordError:
        pass  # one by one, then
    actions, offsets, dead = [], [], []
    for record in records:
        action = _action(record.value)
        if isinstance(action, RecordError):
            dead.append(DeadLetter.of(topic, partition, record, str(action)))
        else:
            actions.append(action)
            offsets.append(record.offset)
    return actions, offsets, dead


def _action(value: bytes | None) -> ActionRecord | RecordError:
    try:
        return decode(value)
    except RecordError as error:
        return error


def _rows_by_month(actions: list[ActionRecord], offsets: list[int], partition: int) -> tuple[MonthRows, ...]:
    if not actions:
        return ()
    times = [action.time for action in actions]
    first, last = min(times), max(times)
    if (first.year, first.month) == (last.year, last.month):
        return (_rows(actions, offsets, partition, (first, last)),)
    months: dict[int, tuple[list[ActionRecord], list[int]]] = {}
    for action, offset in zip(actions, offsets, strict=True):
        of_month = months.setdefault(_month(action), ([], []))
        of_month[0].append(action)
        of_month[1].append(offset)
    return tuple(_rows(*months[month], partition, _time_range(months[month][0])) for month in sorted(months))


def _rows(
    actions: list[ActionRecord], offsets: list[int], partition: int, time_range: tuple[datetime, datetime]
) -> MonthRows:
    rows = [
        (
            action.event_id,
            action.user_id,
            action.session_id,
            action.type,
            action.time,
            action.utc_offset_minutes,
            action.received_at,
            action.properties,
            partition,
            offset,
            action.clock_skew_ms,
        )
        for action, offset in zip(actions, offsets, strict=True)
    ]
    ids = "".join([action.event_id for action in actions])
    return MonthRows(_month(actions[0]), ids, time_range, _encode_lines(rows))


def _month(action: ActionRecord) -> int:
    return action.time.year * 100 + action.time.month


def _time_range(actions: list[ActionRecord]) -> tuple[datetime, datetime]:
    times = [action.time for action in actions]
    return min(times), max(times)

"""Blocks: the records ``[start, end)`` of one partition, as the inserts that store them.

A block is a pure function of the records, so whoever builds it again sends the same bytes under the same tokens. It is
split into one sub-block per month of ``time``: each is one ClickHouse block inside one ClickHouse partition, and so
atomic. Records that are no actions make one more sub-block, for the table of dead letters.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from consumer.dead_letters import DeadLetter
from consumer.topic_record import TopicRecord
from contract.record import ActionRecord, RecordError, decode
from contract.tables import ACTIONS, DEAD_LETTERS


class ActionRow(msgspec.Struct, frozen=True, gc=False):
    """One row of the table, in the order and under the names of its columns."""

    event_id: str
    user_id: str
    session_id: str
    type: str
    time: datetime
    utc_offset_minutes: int
    received_at: datetime
    properties: msgspec.Raw
    partition: int
    offset: int
    clock_skew_ms: int | None


@dataclass(frozen=True, slots=True)
class SubBlock:
    """One atomic insert.

    token       deduplication token and query id of its first attempt
    event_ids   the id of each row, in order
    time_range  first and last ``time`` of its rows; None for dead letters, which have none
    body        the rows' ``columns`` in ``format``, bytes
    """

    table: str
    columns: tuple[str, ...]
    format: Literal["JSONEachRow", "RowBinary"]
    token: str
    partition: int
    start: int
    end: int
    event_ids: tuple[str, ...]
    time_range: tuple[datetime, datetime] | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """The records ``[start, end)`` of a partition, ready to be stored."""

    topic: str
    partition: int
    start: int
    end: int
    sub_blocks: tuple[SubBlock, ...]

    @property
    def actions(self) -> int:
        return sum(len(part.event_ids) for part in self.sub_blocks if part.table == ACTIONS)

    @property
    def dead_letters(self) -> int:
        return sum(len(part.event_ids) for part in self.sub_blocks if part.table == DEAD_LETTERS)


_encode_lines: Final = msgspec.json.Encoder().encode_lines


def build(topic: str, partition: int, start: int, end: int, records: Sequence[TopicRecord]) -> Block:
    """The block of these records, which must be all of ``[start, end)``."""
    months: dict[int, list[ActionRow]] = {}
    dead: list[DeadLetter] = []
    for record in records:
        try:
            action = decode(record.value)
        except RecordError as error:
            dead.append(DeadLetter.of(topic, partition, record, str(error)))
        else:
            month = action.time.year * 100 + action.time.month
            months.setdefault(month, []).append(_row(action, partition, record.offset))
    name = f"{topic}-{partition}-{start}-{end}"
    parts = [_actions(f"{name}-{month}", start, end, rows) for month, rows in sorted(months.items())]
    if dead:
        parts.append(_dead_letters(f"{name}-dead", start, end, dead))
    return Block(topic, partition, start, end, tuple(parts))


def _row(action: ActionRecord, partition: int, offset: int) -> ActionRow:
    return ActionRow(
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


def _actions(name: str, start: int, end: int, rows: list[ActionRow]) -> SubBlock:
    event_ids = tuple(row.event_id for row in rows)
    times = [row.time for row in rows]
    return SubBlock(
        table=ACTIONS,
        columns=ActionRow.__struct_fields__,
        format="JSONEachRow",
        token=f"{name}-{_fingerprint(event_ids)}",
        partition=rows[0].partition,
        start=start,
        end=end,
        event_ids=event_ids,
        time_range=(min(times), max(times)),
        body=_encode_lines(rows),
    )


def _dead_letters(name: str, start: int, end: int, letters: list[DeadLetter]) -> SubBlock:
    event_ids = tuple(letter.event_id for letter in letters)
    return SubBlock(
        table=DEAD_LETTERS,
        columns=DeadLetter.COLUMNS,
        format="RowBinary",
        token=f"{name}-{_fingerprint(event_ids)}",
        partition=letters[0].partition,
        start=start,
        end=end,
        event_ids=event_ids,
        time_range=None,
        body=b"".join(letter.encode() for letter in letters),
    )


def _fingerprint(event_ids: tuple[str, ...]) -> str:
    """Tells apart two blocks at the same offsets: a topic deleted and made again reuses them."""
    return hashlib.blake2b("".join(event_ids).encode(), digest_size=8).hexdigest()

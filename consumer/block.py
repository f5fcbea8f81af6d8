"""Blocks: the records ``[start, end)`` of one partition, as the inserts that store them.

A block is a pure function of the records, so whoever builds it again sends the same bytes under the same tokens. It is
split into one sub-block per month of ``time``: each is one ClickHouse block inside one ClickHouse partition, and so
atomic. Records that are no actions make one more sub-block, for the table of dead letters.

A sub-block that ClickHouse refuses, or that is found half stored, is settled as its two ``halves`` instead. They too
follow from the records alone. Their tokens begin with the whole's, so that ending a query by the whole's token ends
theirs; each has the offsets of its own rows, so that a read-back asks for these and no others.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, cast

import msgspec

from consumer.dead_letters import DeadLetter
from consumer.topic_record import TopicRecord
from contract.record import ActionRecord, RecordError, decode
from contract.tables import ACTIONS, DEAD_LETTERS


class ActionRow(msgspec.Struct, frozen=True, gc=False, array_like=True):
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
    family      begins the query id of every attempt at any part of the block, also of one that was cut otherwise
    start, end  offsets between which its rows stand, and maybe others' too
    event_ids   the id of each row, in order
    time_range  first and last ``time`` of its rows; None for dead letters, which have none
    body        the rows' ``columns`` in ``format``, bytes
    sources     what each row was made of, in order: halves are built from them
    """

    table: str
    columns: tuple[str, ...]
    format: Literal["JSONCompactEachRow", "RowBinary"]
    token: str
    family: str
    topic: str
    partition: int
    start: int
    end: int
    event_ids: tuple[str, ...]
    time_range: tuple[datetime, datetime] | None
    body: bytes
    sources: "tuple[TopicRecord, ...] | tuple[DeadLetter, ...]" = field(repr=False)


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
    months: dict[int, tuple[list[ActionRow], list[TopicRecord]]] = {}
    dead: list[DeadLetter] = []
    for record in records:
        try:
            action = decode(record.value)
        except RecordError as error:
            dead.append(DeadLetter.of(topic, partition, record, str(error)))
            continue
        month = action.time.year * 100 + action.time.month
        if month not in months:
            months[month] = ([], [])
        rows, sources = months[month]
        rows.append(_row(action, partition, record.offset))
        sources.append(record)
    family = f"{topic}-{partition}-{start}-"
    parts = [
        _actions(f"{family}{end}-{month}-{_fingerprint(rows)}", family, topic, (start, end), rows, sources)
        for month, (rows, sources) in sorted(months.items())
    ]
    if dead:
        parts.append(_dead_letters(f"{family}{end}-dead-{_fingerprint(dead)}", family, (start, end), dead))
    return Block(topic, partition, start, end, tuple(parts))


def halves(part: SubBlock) -> tuple[SubBlock, SubBlock]:
    """The two inserts into which a sub-block of two rows or more is split, the same whoever splits it."""
    middle = len(part.sources) // 2
    return _piece(part, f"{part.token}/0", slice(middle)), _piece(part, f"{part.token}/1", slice(middle, None))


def letters_of(part: SubBlock, letters: Sequence[DeadLetter]) -> SubBlock:
    """The insert that keeps the dead letters of a sub-block's refused rows."""
    return _dead_letters(f"{part.token}/dead-{_fingerprint(letters)}", part.family, _span(letters), letters)


def _piece(part: SubBlock, token: str, which: slice) -> SubBlock:
    if part.table == DEAD_LETTERS:
        letters = cast("tuple[DeadLetter, ...]", part.sources)[which]
        return _dead_letters(token, part.family, _span(letters), letters)
    records = cast("tuple[TopicRecord, ...]", part.sources)[which]
    rows = [_row(decode(record.value), part.partition, record.offset) for record in records]
    return _actions(token, part.family, part.topic, _span(records), rows, records)


def _span(positions: Sequence[TopicRecord | DeadLetter]) -> tuple[int, int]:
    return positions[0].offset, positions[-1].offset + 1


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


def _actions(
    token: str, family: str, topic: str, span: tuple[int, int], rows: list[ActionRow], records: Sequence[TopicRecord]
) -> SubBlock:
    times = [row.time for row in rows]
    return SubBlock(
        table=ACTIONS,
        columns=ActionRow.__struct_fields__,
        format="JSONCompactEachRow",
        token=token,
        family=family,
        topic=topic,
        partition=rows[0].partition,
        start=span[0],
        end=span[1],
        event_ids=tuple(row.event_id for row in rows),
        time_range=(min(times), max(times)),
        body=_encode_lines(rows),
        sources=tuple(records),
    )


def _dead_letters(token: str, family: str, span: tuple[int, int], letters: Sequence[DeadLetter]) -> SubBlock:
    return SubBlock(
        table=DEAD_LETTERS,
        columns=DeadLetter.COLUMNS,
        format="RowBinary",
        token=token,
        family=family,
        topic=letters[0].topic,
        partition=letters[0].partition,
        start=span[0],
        end=span[1],
        event_ids=tuple(letter.event_id for letter in letters),
        time_range=None,
        body=b"".join(letter.encode() for letter in letters),
        sources=tuple(letters),
    )


def _fingerprint(rows: Sequence[ActionRow | DeadLetter]) -> str:
    """Tells apart two blocks at the same offsets: a topic deleted and made again reuses them."""
    return hashlib.blake2b("".join(row.event_id for row in rows).encode(), digest_size=8).hexdigest()

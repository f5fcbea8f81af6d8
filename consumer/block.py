"""Blocks: the records ``[start, end)`` of one partition, as the inserts that store them.

A block is a pure function of the records, so whoever builds it again sends the same bytes under the same tokens. It is
split into one sub-block per month of ``time``: each is one ClickHouse block inside one ClickHouse partition, and so
atomic. Records that are no actions make one more sub-block, for the table of dead letters.

A sub-block that ClickHouse refuses, or that is found half stored, is settled as its two ``halves`` instead. They too
follow from the records alone. Their tokens begin with the whole's, so that ending a query by the whole's token ends
theirs; each has the offsets of its own rows, so that a read-back asks for these and no others.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, cast

from consumer.batch import Batch, MonthRows
from consumer.dead_letters import DeadLetter
from consumer.topic_record import TopicRecord
from contract.tables import ACTIONS, DEAD_LETTERS, ROW_COLUMNS

_RECORDS_PER_BATCH: Final = 1_000
_ID_LENGTH: Final = 36  # characters of a UUID

Sources = tuple[TopicRecord, ...] | tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class SubBlock:
    """One atomic insert.

    token       deduplication token and query id of its first attempt
    family      begins the query id of every attempt at any part of the block, also of one that was cut otherwise
    start, end  offsets between which its rows stand, and maybe others' too
    ids         the id of each row, in order, one after another
    time_range  first and last ``time`` of its rows; None for dead letters, which have none
    body        the rows' ``columns`` in ``format``, bytes
    read        answers what each row was made of, in order: halves are built from it
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
    ids: str
    time_range: tuple[datetime, datetime] | None
    body: bytes
    read: Callable[[], Sources] = field(repr=False, compare=False)

    @property
    def rows(self) -> int:
        return len(self.ids) // _ID_LENGTH

    @property
    def event_ids(self) -> tuple[str, ...]:
        return tuple(self.ids[at : at + _ID_LENGTH] for at in range(0, len(self.ids), _ID_LENGTH))

    @property
    def sources(self) -> Sources:
        """Not at hand: Kafka's bytes are unpacked and decoded again."""
        return self.read()


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
        return sum(part.rows for part in self.sub_blocks if part.table == ACTIONS)

    @property
    def dead_letters(self) -> int:
        return sum(part.rows for part in self.sub_blocks if part.table == DEAD_LETTERS)


def build(topic: str, partition: int, start: int, end: int, records: Sequence[TopicRecord]) -> Block:
    """The block of these records, which must be all of ``[start, end)``."""
    firsts = range(0, len(records), _RECORDS_PER_BATCH)
    batches = [Batch.of(topic, partition, records[first : first + _RECORDS_PER_BATCH]) for first in firsts]
    return assemble(topic, partition, start, end, batches)


def assemble(topic: str, partition: int, start: int, end: int, batches: Sequence[Batch]) -> Block:
    """The block of these batches' records, which must be all of ``[start, end)``: the same however they are batched."""
    months: dict[int, list[tuple[Batch, MonthRows]]] = {}
    for batch in batches:
        for rows in batch.months:
            months.setdefault(rows.month, []).append((batch, rows))
    family = f"{topic}-{partition}-{start}-"
    parts = []
    for month, held in sorted(months.items()):
        fingerprint = _fingerprint(rows.ids for _, rows in held)
        parts.append(_actions(f"{family}{end}-{month}-{fingerprint}", family, (start, end), held))
    if dead := [letter for batch in batches for letter in batch.dead]:
        parts.append(_dead_letters(f"{family}{end}-dead-{_fingerprint_of(dead)}", family, (start, end), dead))
    return Block(topic, partition, start, end, tuple(parts))


def halves(part: SubBlock) -> tuple[SubBlock, SubBlock]:
    """The two inserts into which a sub-block of two rows or more is split, the same whoever splits it."""
    middle = part.rows // 2
    return _piece(part, f"{part.token}/0", slice(middle)), _piece(part, f"{part.token}/1", slice(middle, None))


def letters_of(part: SubBlock, letters: Sequence[DeadLetter]) -> SubBlock:
    """The insert that keeps the dead letters of a sub-block's refused rows."""
    return _dead_letters(f"{part.token}/dead-{_fingerprint_of(letters)}", part.family, _span(letters), letters)


def _piece(part: SubBlock, token: str, which: slice) -> SubBlock:
    if part.table == DEAD_LETTERS:
        letters = cast("tuple[DeadLetter, ...]", part.sources)[which]
        return _dead_letters(token, part.family, _span(letters), letters)
    records = cast("tuple[TopicRecord, ...]", part.sources)[which]
    batch = Batch.of(part.topic, part.partition, records)
    return _actions(token, part.family, _span(records), [(batch, batch.months[0])])


def _span(positions: Sequence[TopicRecord | DeadLetter]) -> tuple[int, int]:
    return positions[0].offset, positions[-1].offset + 1


def _actions(token: str, family: str, span: tuple[int, int], held: Sequence[tuple[Batch, MonthRows]]) -> SubBlock:
    """Rows of one month, each with the batch that holds them."""
    first, _ = held[0]
    return SubBlock(
        table=ACTIONS,
        columns=ROW_COLUMNS,
        format="JSONCompactEachRow",
        token=token,
        family=family,
        topic=first.topic,
        partition=first.partition,
        start=span[0],
        end=span[1],
        ids="".join([rows.ids for _, rows in held]),
        time_range=(min(rows.time_range[0] for _, rows in held), max(rows.time_range[1] for _, rows in held)),
        body=b"".join([rows.body for _, rows in held]),
        read=lambda: tuple(record for batch, rows in held for record in batch.records_of(rows.month)),
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
        ids="".join(letter.event_id for letter in letters),
        time_range=None,
        body=b"".join(letter.encode() for letter in letters),
        read=lambda: tuple(letters),
    )


def _fingerprint_of(letters: Sequence[DeadLetter]) -> str:
    return _fingerprint(letter.event_id for letter in letters)


def _fingerprint(ids: Iterable[str]) -> str:
    """Tells apart two blocks at the same offsets: a topic deleted and made again reuses them."""
    return hashlib.blake2b("".join(ids).encode(), digest_size=8).hexdigest()

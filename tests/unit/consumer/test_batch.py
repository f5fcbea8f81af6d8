from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.batch import Batch
from consumer.block import assemble, build
from consumer.dead_letters import DeadLetter
from contract.record import decode
from contract.tables import ACTIONS, COLUMNS, DEAD_LETTERS, ROW_COLUMNS
from tests.unit.consumer.records import NOON, Record, action, batch, record

MONTHS = [NOON, datetime(2026, 4, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)]
BAD = [b"\xff", None, b"{}"]
VALUES = [record(0, action(time=MONTHS[n % 3], properties=b'{"x":"%d"}' % n)).value for n in range(9)] + BAD


def at_offsets(values: list[bytes | None]) -> list[Record]:
    """With an offset left out after every third, as the end mark of a transaction leaves one out."""
    return [Record(place + place // 3, value) for place, value in enumerate(values)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=12), st.lists(st.integers(1, 6), max_size=6))
def test_however_the_records_are_batched_they_make_the_same_block(values: list[bytes | None], sizes: list[int]) -> None:
    records = at_offsets(values)
    batches, rest = [], records
    for size in sizes:
        if rest[:size]:
            batches.append(batch(*rest[:size]))
        rest = rest[size:]
    batches += [batch(*rest)] if rest else []
    block = assemble("actions", 0, 0, 99, batches)
    assert block == build("actions", 0, 0, 99, records)
    for part, other in zip(block.sub_blocks, build("actions", 0, 0, 99, records).sub_blocks, strict=True):
        assert part.sources == other.sources
        assert part.rows == len(part.sources) == len(part.event_ids)


@settings(deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=2, max_size=12), st.integers(1, 12))
def test_a_batch_is_split_at_an_offset(values: list[bytes | None], offset: int) -> None:
    whole = batch(*at_offsets(values))
    offset = min(max(offset, whole.first + 1), whole.last)
    first, second = whole.split(offset)
    assert first.last < offset <= second.first
    assert [*first.reread(), *second.reread()] == list(whole.reread())
    assert (first.count + second.count, first.bytes + second.bytes) == (whole.count, whole.bytes)


@settings(deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 1_000))
def test_a_batch_beyond_the_limits_becomes_batches_within_them(
    values: list[bytes | None], rows: int, size: int
) -> None:
    whole = batch(*at_offsets(values))
    pieces = whole.within(rows, size)
    assert all(piece.count == 1 or (piece.count <= rows and piece.bytes <= size) for piece in pieces)
    assert [one for piece in pieces for one in piece.reread()] == list(whole.reread())


def test_what_it_tells_of_its_records() -> None:
    records = [Record(5, BAD[0], timestamp=70), Record(7, VALUES[0], timestamp=60), Record(9, None, timestamp=80)]
    made = Batch.of("actions", 3, records)
    assert (made.first, made.last, made.first_ms, made.last_ms, made.count) == (5, 9, 70, 80, 3)
    assert made.bytes == 1 + len(VALUES[0] or b"")
    assert [(letter.offset, letter.partition, letter.value) for letter in made.dead] == [(5, 3, BAD[0]), (9, 3, b"")]
    assert [(rows.month, rows.ids) for rows in made.months] == [(202603, decode(VALUES[0]).event_id)]


def test_records_are_read_again_only_when_they_are_asked_for() -> None:
    def gone() -> list[Record]:
        raise AssertionError("nobody needs them")

    made = Batch.of("actions", 0, at_offsets(VALUES), reread=gone)
    block = assemble("actions", 0, 0, 99, [made])
    assert block.actions == 9
    assert b"".join(part.body for part in block.sub_blocks)
    with pytest.raises(AssertionError):
        _ = block.sub_blocks[0].sources


def test_rows_have_every_column_that_readers_rely_on_but_for_those_the_table_fills_in() -> None:
    assert set(ROW_COLUMNS) == COLUMNS[ACTIONS] - {"stored_at", "hour"}
    assert set(DeadLetter.COLUMNS) == COLUMNS[DEAD_LETTERS]

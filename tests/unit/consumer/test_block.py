from datetime import UTC, datetime, timedelta, timezone

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from consumer.block import build
from contract.tables import ACTIONS, DEAD_LETTERS
from tests.unit.consumer.records import NOON, Record, action, record

JSON_OBJECTS = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=4)


def test_the_same_records_make_the_same_block() -> None:
    records = [record(offset) for offset in range(10, 20)]
    assert build("actions", 3, 10, 20, records) == build("actions", 3, 10, 20, records)


def test_each_month_is_an_insert_of_its_own() -> None:
    march, april = action(time=NOON), action(time=datetime(2026, 4, 1, tzinfo=UTC))
    block = build("actions", 3, 0, 3, [record(0, march), record(1, april), record(2, march)])
    names = [part.token.split("-")[4] for part in block.sub_blocks]
    assert names == ["202603", "202604"]
    assert [len(part.event_ids) for part in block.sub_blocks] == [2, 1]
    assert block.actions == 3


def test_other_ids_at_the_same_offsets_make_another_token() -> None:
    """A topic deleted and made again reuses its offsets."""
    first, second = (build("actions", 0, 0, 1, [record(0)]).sub_blocks[0] for _ in range(2))
    assert first.token != second.token


def test_what_is_no_action_becomes_a_dead_letter_and_holds_nobody_up() -> None:
    bad = [Record(1, b"\xff\x00"), Record(2, None), Record(3, b"{}"), Record(4, b"[" * 100_000)]
    block = build("actions", 0, 0, 6, [record(0), *bad, record(5)])
    assert [(part.table, len(part.event_ids)) for part in block.sub_blocks] == [(ACTIONS, 2), (DEAD_LETTERS, 4)]
    assert b"\xff\x00" in block.sub_blocks[1].body


@given(JSON_OBJECTS, st.integers(min_value=0, max_value=2**40))
def test_properties_reach_the_insert_byte_for_byte(properties: dict[str, object], offset: int) -> None:
    sent = (
        b"  ".join((b'{ "first":1.0', b"}")) if not properties else msgspec.json.format(msgspec.json.encode(properties))
    )
    block = build("actions", 0, offset, offset + 1, [record(offset, action(properties=sent))])
    body = block.sub_blocks[0].body
    assert b'Z",' + sent + b"," in body
    assert msgspec.json.decode(body)[9] == offset


def test_the_time_range_spans_every_row_of_the_insert() -> None:
    times = [NOON + timedelta(hours=hours) for hours in (3, 1, 2)]
    block = build("actions", 0, 0, 3, [record(offset, action(time=time)) for offset, time in enumerate(times)])
    assert block.sub_blocks[0].time_range == (times[1], times[0])


def test_a_record_whose_time_is_not_utc_is_refused_and_not_guessed() -> None:
    item = action(time=NOON.astimezone(timezone(timedelta(hours=2))))
    assert build("actions", 0, 0, 1, [record(0, item)]).dead_letters == 1

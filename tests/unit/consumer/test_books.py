"""The audit's parts that need no server: ids, times as conditions, repeats in scratch files."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.books import Times, id_of, text_of
from consumer.rebuild_store import is_paused
from consumer.repeats import NOWHERE, Scratch
from tests.unit.consumer.records import NOON

UUIDS = st.uuids().map(str)


@settings(deadline=None)
@given(UUIDS)
def test_an_id_and_its_text_are_one(text: str) -> None:
    event_id = id_of(text)
    assert text_of(event_id) == text
    assert event_id[0] << 64 | event_id[1] == UUID(text).int


def test_no_times_make_no_condition() -> None:
    assert Times.of([]) is None


@settings(deadline=None)
@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)), min_size=1))  # noqa: DTZ001
def test_times_cover_each_of_them(times: list[datetime]) -> None:
    covered = Times.of(times)
    assert covered is not None
    for time in times:
        assert covered.first <= time <= covered.last
        assert (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(hours=1) in covered.hours


@pytest.mark.parametrize(("hours", "by"), [(1_000, "hour IN"), (1_001, "hour BETWEEN")])
def test_many_hours_become_a_span(hours: int, by: str) -> None:
    """A form field of ClickHouse holds 128 KiB."""
    covered = Times.of([NOON + timedelta(hours=hour) for hour in range(hours)])
    assert covered is not None
    condition, values = covered.condition()
    assert by in condition
    assert all(len(str(value)) < 100_000 for value in values.values())


TEXTS = st.sampled_from([f"00000000-0000-4000-8000-{number:012x}" for number in range(20)])


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, st.sampled_from((NOWHERE, 0, 1))), max_size=60))
def test_repeats_are_counted_exactly(rows: list[tuple[str, int]]) -> None:
    offsets, shards = defaultdict(list), defaultdict(set)
    for offset, (text, shard) in enumerate(rows):
        offsets[id_of(text)].append(offset)
        shards[id_of(text)].add(shard)
    with Scratch(expected=3_000_000) as scratch:
        for offset, (text, shard) in enumerate(rows):
            scratch.add([(id_of(text), offset, shard)])
        repeats = scratch.read(limit=1_000)
    repeated = {event_id: at for event_id, at in offsets.items() if len(at) > 1}
    assert (repeats.distinct, repeats.ids, repeats.listed) == (len(offsets), len(repeated), repeated)
    assert repeats.on_several_shards == sum({0, 1} <= where for where in shards.values())


def test_the_list_of_repeats_is_cut_and_the_count_is_not() -> None:
    with Scratch(expected=3_000_000) as scratch:
        for offset in range(40):
            scratch.add([((0, offset % 20), offset, NOWHERE)])
        repeats = scratch.read(limit=7)
    assert (repeats.distinct, repeats.ids, len(repeats.listed)) == (20, 20, 7)


@pytest.mark.parametrize(
    ("ddl", "paused"),
    [
        ("... SETTINGS index_granularity = 8192, max_parts_in_total = 0", True),
        ("... SETTINGS max_parts_in_total = 0, index_granularity = 8192", True),
        ("... SETTINGS index_granularity = 8192", False),
        ("... SETTINGS max_parts_in_total = 500", False),
        ("... SETTINGS max_parts_in_total = 0500", False),
    ],
)
def test_a_pause_is_read_from_the_tables_settings(ddl: str, *, paused: bool) -> None:
    assert is_paused(ddl) is paused

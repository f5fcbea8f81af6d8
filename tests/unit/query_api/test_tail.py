"""The tail's pure parts: ids, events, bounded queues, and what is read again for who comes back."""

import contextlib
import json
import uuid
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.receipt import Receipt, ReceiptError
from contract.record import ActionRecord
from query_api.filtering.filters import EVERYTHING, Filters, Scope
from query_api.live import tail_events
from query_api.live.kafka_ranges import newest
from query_api.live.tail_events import Entry, Notice
from query_api.live.tail_stream import plan
from query_api.live.tail_watcher import Watcher
from query_api.settings import Settings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
positions = st.dictionaries(st.integers(0, 9), st.integers(0, 1_000), max_size=5)
ranges = st.dictionaries(st.integers(0, 9), st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=5).map(
    lambda drawn: {number: (first, first + length) for number, (first, length) in drawn.items()}
)


def entry(offset: int, properties: str = "{}", type_: str = "CLICK", size: int = 1) -> Entry:
    record = ActionRecord(str(uuid.uuid4()), "u", "s", type_, NOON, 0, NOON, msgspec.Raw(properties.encode()))
    return Entry(record, 0, offset, size)


def watcher(filters: Filters | None = None, **settings: int) -> Watcher:
    return Watcher(filters or Filters(), {0: 0}, Settings.model_validate(settings))


def data(event: bytes) -> dict[str, object]:
    """The event's data as the standard joins it."""
    lines = [line.removeprefix("data: ") for line in event.decode().split("\n") if line.startswith("data: ")]
    read: dict[str, object] = json.loads("\n".join(lines))
    return read


@given(positions)
def test_an_id_comes_back_as_its_positions_and_passes_for_no_receipt(wanted: dict[int, int]) -> None:
    text = tail_events.encode_id(wanted).decode()
    assert tail_events.decode_id(text) == wanted
    with pytest.raises(ReceiptError):
        Receipt.decode(text)
    with pytest.raises(ValueError, match="not an id"):
        tail_events.decode_id(Receipt(wanted).encode())


@given(st.text())
def test_any_text_is_an_id_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert tail_events.encode_id(tail_events.decode_id(text)).decode().startswith("at.")


@given(st.text(alphabet=" \n\r\t", max_size=5), st.text())
def test_white_space_of_the_client_breaks_no_event(space: str, value: str) -> None:
    properties = f'{{{space}"a"{space}:{space}{json.dumps(value)}}}'
    event = tail_events.action(entry(0, properties), EVERYTHING, {0: 1})
    assert event.count(b"\n\n") == 1
    assert event.endswith(b"\n\n")
    assert b"\r" not in event
    assert data(event)["properties"] == {"a": value}


def test_what_a_scope_hides_is_hidden_from_it_alone() -> None:
    shared = entry(0, '{"a": 1, "secret": 2}')
    assert json.loads(shared.data(EVERYTHING))["properties"] == {"a": 1, "secret": 2}
    assert json.loads(shared.data(Scope(hidden_properties=("secret",))))["properties"] == {"a": 1}
    assert json.loads(shared.data(EVERYTHING))["properties"] == {"a": 1, "secret": 2}


async def test_a_watcher_gets_in_order_what_fits_and_then_how_many_did_not() -> None:
    slow = watcher(tail_queue_records=2)
    entries = [entry(offset) for offset in range(5)]
    for each in entries:
        slow.offer(each)
    assert await slow.take(1) == [*entries[:2], Notice("missed", {"count": 3})]
    slow.offer(entries[0])
    assert await slow.take(1) == entries[:1]


async def test_bytes_are_bounded_too() -> None:
    slow = watcher(tail_queue_bytes=10)
    entries = [entry(offset, size=6) for offset in range(2)]
    for each in entries:
        slow.offer(each)
    assert await slow.take(1) == [entries[0], Notice("missed", {"count": 1})]


async def test_one_too_large_to_wait_is_told_and_the_next_comes() -> None:
    slow = watcher(tail_queue_bytes=10)
    slow.offer(entry(0, size=11))
    assert await slow.take(1) == [Notice("missed", {"count": 1})]
    small = entry(1)
    slow.offer(small)
    assert await slow.take(1) == [small]


async def test_what_the_filters_leave_out_is_neither_given_nor_missed() -> None:
    choosy = watcher(Filters(types=("VIEW",)), tail_queue_records=1)
    wanted = entry(1, type_="VIEW")
    for each in (entry(0), wanted, entry(2)):
        choosy.offer(each)
    assert await choosy.take(1) == [wanted]


async def test_a_quiet_watcher_gets_nothing_and_one_that_ended_at_once() -> None:
    quiet = watcher()
    assert await quiet.take(0) == ()
    quiet.end()
    assert await quiet.take(60) == []
    assert await quiet.take(60) == []


def test_a_position_moves_to_the_tails_only_when_nothing_waits() -> None:
    one = watcher()
    one.offer(entry(3))
    assert one.at({0: 9}) == {0: 0}
    assert watcher().at({0: 9}) == {0: 9}


async def test_notices_are_bounded_too() -> None:
    silent = watcher(tail_queue_records=2)
    for _ in range(100):
        silent.tell(Notice("problem", {}))
    assert len(await silent.take(1)) == 4


@given(ranges, st.integers(0, 2_000))
def test_the_newest_of_ranges_are_their_ends_and_as_many_as_may_be(
    drawn: dict[int, tuple[int, int]], most: int
) -> None:
    kept = newest(drawn, most)
    lengths = {number: end - first for number, (first, end) in kept.items()}
    assert all(kept[number][1] == end and kept[number][0] >= first for number, (first, end) in drawn.items())
    assert sum(lengths.values()) == min(most, sum(end - first for first, end in drawn.values()))


@given(positions, positions, positions, st.integers(0, 5_000))
def test_what_is_read_again_and_the_gap_are_all_that_was_missed(
    seen: dict[int, int], live: dict[int, int], starts: dict[int, int], most: int
) -> None:
    seen = {number: min(offset, live.get(number, 0)) for number, offset in seen.items() if number in live}
    starts = {number: min(offset, live.get(number, 0)) for number, offset in starts.items()}
    read, gap = plan(seen, live, {number: (starts.get(number, 0), end) for number, end in live.items()}, most)
    missed = sum(live[number] - offset for number, offset in seen.items())
    skipped = gap.told["skipped"] if gap else 0
    assert isinstance(skipped, int)
    assert sum(end - first for first, end in read.values()) + skipped == missed
    assert all(first >= starts.get(number, 0) or first == end for number, (first, end) in read.items())


def test_a_position_beyond_the_log_is_another_logs() -> None:
    read, gap = plan({0: 11, 1: 3}, {0: 10, 1: 5}, {0: (0, 10), 1: (0, 5)}, 100)
    assert read == {0: (10, 10), 1: (5, 5)}
    assert gap is not None
    assert gap.told["skipped"] is None


def test_a_position_that_the_tail_has_not_reached_yet_is_no_gap() -> None:
    assert plan({0: 11, 1: 3}, {0: 10, 1: 5}, {0: (0, 11), 1: (0, 5)}, 100) == ({0: (10, 10), 1: (3, 5)}, None)


def test_a_partition_that_the_tail_has_not_heard_of_yet_is_no_gap() -> None:
    assert plan({0: 10, 1: 3}, {0: 10}, {0: (0, 10), 1: (0, 3)}, 100) == ({0: (10, 10)}, None)


def test_a_tail_that_retention_has_overtaken_is_a_gap_up_to_where_it_stands() -> None:
    read, gap = plan({0: 3}, {0: 10}, {0: (12, 15)}, 100)
    assert read == {0: (10, 10)}
    assert gap is not None
    assert gap.told["skipped"] == 7

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.intent import Position
from consumer.partition import Limits, Partition, State
from tests.unit.consumer.records import Record, batch

LIMITS = Limits(rows=10, bytes=1_000, age_s=0.5)


def records(first: int, count: int, size: int = 6) -> list[Record]:
    return [Record(offset, b"x" * size) for offset in range(first, first + count)]


def stored(partition: Partition) -> range:
    """Plan, commit the intent, store, commit the end: the offsets of one block."""
    partition.plan(0.0)
    assert partition.position.intent is not None
    partition.saved = partition.position
    cut = partition.begin()
    assert [record.offset for batch in cut.batches for record in batch.reread()] == list(range(cut.start, cut.end))
    partition.finish()
    partition.saved = partition.position
    assert partition.position == Position(cut.end)
    return range(cut.start, cut.end)


def test_nothing_is_due_without_records() -> None:
    assert Partition(0, Position(5), LIMITS).due_at() is None


def test_a_block_is_due_when_its_oldest_record_is_old_enough() -> None:
    partition = Partition(0, Position(5), LIMITS)
    partition.add([batch(*records(5, 1))], now=100.0)
    partition.add([batch(*records(6, 1))], now=100.4)
    assert partition.due_at() == 100.5


@pytest.mark.parametrize("waiting", [records(5, 10), records(5, 2, size=500)])
def test_a_full_block_is_due_at_once(waiting: list[Record]) -> None:
    partition = Partition(0, Position(5), LIMITS)
    partition.add([batch(*waiting)], now=100.0)
    assert partition.due_at() == 100.0
    assert not partition.has_room


def test_only_one_block_is_in_flight_while_the_next_collects() -> None:
    partition = Partition(0, Position(0), LIMITS)
    partition.add([batch(*records(0, 10))], now=0.0)
    partition.plan(0.0)
    partition.begin()
    partition.add([batch(*records(10, 10))], now=0.0)
    assert partition.due_at() is None
    partition.finish()
    assert partition.due_at() == 0.0


def test_a_record_larger_than_the_limit_makes_a_block_alone() -> None:
    partition = Partition(0, Position(0), LIMITS)
    partition.add([batch(*records(0, 3, size=5_000))], now=0.0)
    assert [len(stored(partition)) for _ in range(3)] == [1, 1, 1]


def test_a_begun_block_is_cut_exactly_as_its_intent_says_whatever_the_limits() -> None:
    partition = Partition(0, Position(5, intent=35), LIMITS)
    partition.add([batch(*records(5, 20))], now=0.0)
    assert partition.due_at() is None, "not all of it has been read yet"
    assert partition.has_room
    partition.add([batch(*records(25, 20))], now=0.0)
    partition.plan(0.0)
    assert not partition.is_dirty, "the intent is committed already"
    cut = partition.begin()
    assert (cut.start, cut.end, cut.rows, cut.begun) == (5, 35, 30, True)
    partition.finish()
    assert stored(partition) == range(35, 45)


def test_a_begun_block_is_stored_on_the_shard_that_its_intent_names_and_the_next_one_where_it_goes_now() -> None:
    for named in (None, 0, 1):
        partition = Partition(2, Position(5, intent=10, shard=named), LIMITS, shard=2)
        partition.add([batch(*records(5, 9))], now=0.0)
        partition.plan(0.0)
        assert not partition.is_dirty
        assert partition.begin().shard == named
        partition.finish()
        partition.plan(1.0)
        assert partition.position == Position(10, intent=14, shard=2)
        assert partition.begin().shard == 2


def test_a_doubt_goes_along_with_the_position_until_it_is_behind() -> None:
    """The next owner must not believe these records to be new either."""
    partition = Partition(0, Position(5, doubt_below=8), LIMITS)
    for expected in (Position(7, doubt_below=8), Position(9)):
        partition.add([batch(*records(partition.next_offset, 2))], now=0.0)
        partition.plan(1.0)
        assert partition.position.doubt_below == 8
        cut = partition.begin()
        assert (cut.begun, cut.in_doubt) == (True, True)
        partition.finish()
        assert partition.position == expected
    partition.add([batch(*records(9, 2))], now=0.0)
    partition.plan(1.0)
    cut = partition.begin()
    assert (cut.begun, cut.in_doubt) == (False, False)


def test_a_fetch_from_before_the_position_is_refused() -> None:
    partition = Partition(0, Position(5), LIMITS)
    with pytest.raises(ValueError, match="offset 4"):
        partition.add([batch(*records(4, 2))], now=0.0)


def test_what_retention_deleted_is_counted() -> None:
    partition = Partition(0, Position(5), LIMITS)
    assert partition.skip_to(12) == 7
    partition.add([batch(*records(12, 3))], now=0.0)
    partition.plan(0.0)
    assert partition.begin().end == 15


def test_a_stopped_partition_takes_and_plans_nothing() -> None:
    partition = Partition(0, Position(0), LIMITS)
    partition.add([batch(*records(0, 10))], now=0.0)
    partition.plan(0.0)
    partition.begin()
    partition.stop("torn")
    assert (partition.state, partition.has_room, partition.due_at()) == (State.STOPPED, False, None)


@settings(deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=25), min_size=1, max_size=8), st.integers(1, 400))
def test_blocks_hold_every_record_once_and_in_order(batches: list[int], size: int) -> None:
    partition, next_offset, seen = Partition(0, Position(0), LIMITS), 0, list[int]()
    for count in batches:
        partition.add([batch(*records(next_offset, count, size))], now=0.0)
        next_offset += count
        if partition.due_at() is not None:
            seen += stored(partition)
    while partition.due_at() is not None:
        seen += stored(partition)
    assert seen == list(range(next_offset))
    assert partition.buffered_bytes == 0


def test_a_log_that_ends_before_what_was_read_is_read_again_from_its_start_and_checked_up_to_there() -> None:
    """In a log that was cut these records are stored already; in a topic made again they are new: the store knows."""
    partition = Partition(0, Position(100), LIMITS)
    partition.add([batch(*records(100, 5))], now=0.0)
    partition.begin_again(3)
    assert not partition.has_room
    assert partition.begun_again() is None, "what was read is stored first"
    assert partition.due_at() == 0.0
    assert stored(partition) == range(100, 105)
    assert partition.begun_again() == 3
    assert (partition.position, partition.is_dirty) == (Position(3, doubt_below=105), True)
    partition.add([batch(*records(3, 10))], now=0.0)
    partition.plan(0.0)
    assert partition.begin().begun


def test_an_intent_beyond_the_end_of_the_log_is_given_up() -> None:
    partition = Partition(0, Position(100, intent=120), LIMITS)
    partition.begin_again(0)
    assert partition.begun_again() == 0
    assert partition.position == Position(0, doubt_below=120)
    assert partition.has_room


def test_blocks_beyond_what_was_reached_before_are_not_doubted() -> None:
    partition = Partition(0, Position(4), LIMITS)
    partition.begin_again(0)
    assert partition.begun_again() == 0
    for doubted in (True, False):
        partition.add([batch(*records(partition.next_offset, 4))], now=0.0)
        partition.plan(1.0)
        assert partition.begin().begun is doubted
        partition.finish()


def test_the_oldest_record_is_one_that_is_not_stored_yet() -> None:
    partition = Partition(0, Position(0), LIMITS)
    partition.add([batch(Record(0, b"", timestamp=7), Record(1, b"", timestamp=8))], now=0.0)
    assert partition.oldest_ms == 7
    partition.plan(1.0)
    partition.begin()
    partition.add([batch(Record(2, b"", timestamp=9))], now=1.0)
    assert (partition.oldest_ms, partition.stored_until_ms) == (7, None)
    partition.finish()
    assert (partition.oldest_ms, partition.stored_until_ms) == (9, 8)

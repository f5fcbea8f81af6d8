"""Where a partition goes on, for every way in which its committed offset and the log can lie to each other."""

import pytest

from consumer.intent import Position
from consumer.losses import Losses
from consumer.partition import Limits, Partition
from consumer.placement import move_into, place
from tests.unit.consumer.records import batch, record

LIMITS = Limits(rows=10, bytes=1_000, age_s=0.5)


@pytest.mark.parametrize(
    ("found", "bounds", "next_offset", "lost"),
    [
        (None, (0, 0), 0, 0),
        (None, (7, 20), 7, 0),
        (Position(7), (7, 20), 7, 0),
        (Position(20), (7, 20), 20, 0),
        (Position(3), (7, 20), 7, 4),
        (Position(3), (7, 7), 7, 4),
        (Position(3, intent=10), (7, 20), 7, 4),
        (Position(3, intent=6), (7, 20), 7, 4),
    ],
)
def test_it_goes_on_at_the_committed_offset_or_at_the_logs_start(
    found: Position | None, bounds: tuple[int, int], next_offset: int, lost: int
) -> None:
    losses = Losses()
    partition = place(0, found, bounds, LIMITS, losses)
    assert (partition.next_offset, losses.records[0], losses.log_cuts[0]) == (next_offset, lost, 0)
    assert partition.has_room


def test_of_a_begun_block_only_what_the_log_still_has_is_inserted_again() -> None:
    whole, rest = (place(0, Position(3, intent), (7, 20), LIMITS, Losses()) for intent in (10, 6))
    assert (whole.position.intent, rest.position.intent) == (10, None)


@pytest.mark.parametrize("found", [Position(21), Position(3, intent=21), Position(100, intent=120)])
def test_a_log_that_ends_before_what_was_reached_is_read_from_its_start(found: Position) -> None:
    losses = Losses()
    partition = place(0, found, (7, 20), LIMITS, losses)
    assert (losses.log_cuts[0], losses.records[0]) == (1, 0)
    assert not partition.has_room, "nothing is fetched from an offset that the log does not have"
    assert partition.begun_again() == 7


def test_an_offset_inside_the_log_is_left_where_it_is() -> None:
    partition = Partition(0, Position(9), LIMITS)
    losses = Losses()
    move_into(partition, (7, 20), losses, reached=partition.next_offset)
    assert (partition.next_offset, losses.records.total(), losses.log_cuts.total()) == (9, 0, 0)


def test_what_kafka_has_forgotten_is_read_back_where_the_tables_hold_rows() -> None:
    fresh, forgotten = (place(0, None, (7, 20), LIMITS, Losses(), known=known) for known in (False, True))
    for partition in (fresh, forgotten):
        partition.add([batch(record(7))], now=0.0)
        partition.plan(1.0)
    assert (fresh.begin().begun, forgotten.begin().begun) == (False, True)

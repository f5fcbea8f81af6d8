"""Of which partitions more is fetched while others wait for a shard that is away."""

import pytest

from consumer.intent import Position
from consumer.partition import Limits, Partition
from consumer.room import with_room
from tests.unit.consumer.records import Record, batch

_MIB = 1 << 20
LIMITS = Limits(rows=100, bytes=16 * _MIB, age_s=0.5)


def partition(number: int, shard: int | None, mebibytes: int, intent: int | None = None) -> Partition:
    """With so much in its buffer."""
    made = Partition(number, Position(0, intent, shard if intent else None), LIMITS, shard)
    if mebibytes:
        made.add([batch(*(Record(offset, b"x" * _MIB) for offset in range(mebibytes)))], now=0.0)
    return made


def wanted(shards: int, *partitions: Partition) -> list[int]:
    return sorted(item.number for item in with_room(partitions, shards, 2 * _MIB))


@pytest.mark.parametrize(("mebibytes", "expected"), [(0, [0, 1]), (1, [0, 1]), (2, [])])
def test_one_server_has_the_whole_bound(mebibytes: int, expected: list[int]) -> None:
    assert wanted(1, partition(0, None, mebibytes), partition(1, None, 0)) == expected


def test_what_waits_for_one_shard_takes_no_room_from_another() -> None:
    full, beside, other = partition(0, 0, 2), partition(2, 0, 0), partition(1, 1, 0)
    assert wanted(2, full, beside, other) == [1]


def test_a_block_begun_elsewhere_counts_where_it_was_begun() -> None:
    begun = Partition(1, Position(0, intent=9, shard=0), LIMITS, shard=1)
    begun.add([batch(*(Record(offset, b"x" * _MIB) for offset in range(2)))], now=0.0)
    assert wanted(2, begun, partition(3, 1, 0), partition(2, 0, 0)) == [1, 3]


def test_a_begun_block_is_read_to_its_end_whatever_waits_one_partition_at_a_time() -> None:
    """A sink that takes over the blocks of several others would wait for room for ever, which only they can make."""
    assert wanted(1, partition(0, None, 2), partition(1, None, 2, intent=9), partition(2, None, 2, intent=9)) == [1]

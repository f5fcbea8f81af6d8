import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.intent import Position

OFFSETS = st.integers(min_value=0, max_value=2**63 - 2)


@settings(deadline=None)
@given(OFFSETS, st.none() | st.integers(min_value=1, max_value=2**62), st.none() | st.integers(0, 999), OFFSETS)
def test_a_position_is_read_back_as_it_was_committed(
    offset: int, length: int | None, shard: int | None, doubt_below: int
) -> None:
    intent = None if length is None else offset + length
    position = Position(offset, intent, None if intent is None else shard, doubt_below)
    assert Position.read(position.committed, position.metadata) == position


def test_with_one_shard_nothing_but_the_blocks_end_is_written() -> None:
    """What sinks before shards wrote and read."""
    assert (Position(5).metadata, Position(5, 17).metadata) == ("", "block-end=17")
    assert Position(5, 17, 0).metadata == "block-end=17;shard=0"


@pytest.mark.parametrize(
    "metadata", ["connect", "block-end=", "block-end=x", "block-end=7", "block-end=6", "shard=1", "block-end=9;x=1"]
)
def test_metadata_that_is_not_an_intent_is_refused(metadata: str) -> None:
    with pytest.raises(ValueError, match=r"metadata|invalid literal"):
        Position.read(7, metadata)

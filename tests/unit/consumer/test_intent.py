import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.intent import Position

OFFSETS = st.integers(min_value=0, max_value=2**63 - 2)


@given(OFFSETS, st.none() | st.integers(min_value=1, max_value=2**62))
def test_a_position_is_read_back_as_it_was_committed(offset: int, length: int | None) -> None:
    position = Position(offset, None if length is None else offset + length)
    assert Position.read(position.committed, position.metadata) == position


@pytest.mark.parametrize("metadata", ["connect", "block-end=", "block-end=x", "block-end=7", "block-end=6"])
def test_metadata_that_is_not_an_intent_is_refused(metadata: str) -> None:
    with pytest.raises(ValueError, match=r"metadata|invalid literal"):
        Position.read(7, metadata)

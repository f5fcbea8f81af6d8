import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dead_letters import DeadLetter, _string
from tests.unit.consumer.records import Record


@given(st.binary(max_size=40_000))
def test_a_string_is_its_length_in_leb128_and_its_bytes(value: bytes) -> None:
    encoded = _string(value)
    length, shift, index = 0, 0, 0
    while True:
        length |= (encoded[index] & 0x7F) << shift
        shift += 7
        index += 1
        if not encoded[index - 1] & 0x80:
            break
    assert (length, encoded[index:]) == (len(value), value)


def test_a_repeat_is_the_same_row_and_another_position_is_another() -> None:
    first = DeadLetter.of("actions", 1, Record(5, b"x"), "no JSON")
    assert first == DeadLetter.of("actions", 1, Record(5, b"x"), "no JSON")
    others = [
        DeadLetter.of("actions", 1, Record(6, b"x"), ""),
        DeadLetter.of("actions", 2, Record(5, b"x"), ""),
        DeadLetter.of("other", 1, Record(5, b"x"), ""),
        DeadLetter.of("actions", 1, Record(5, b"y"), ""),
    ]
    assert len({first.event_id, *(other.event_id for other in others)}) == 5


@pytest.mark.parametrize(("timestamp", "kept"), [(-1, 0), (1 << 62, 7_258_118_400_000), (1_700_000_000_000,) * 2])
def test_a_timestamp_beyond_what_the_column_holds_is_clamped(timestamp: int, kept: int) -> None:
    assert DeadLetter.of("actions", 0, Record(0, b"x", timestamp=timestamp), "").recorded_at_ms == kept

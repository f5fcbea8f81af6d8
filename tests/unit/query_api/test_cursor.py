"""Cursors: opaque, bound to their filters, refused when damaged or forged."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from query_api.cursor import CursorError, Cursors, Position
from query_api.filters import Filters
from tests.unit.query_api.strategies import filters, positions

CURSORS = Cursors("a secret")


@given(position=positions, wanted=filters)
def test_a_cursor_comes_back_as_its_position(position: Position, wanted: Filters) -> None:
    assert CURSORS.decode(CURSORS.encode(position, wanted), wanted) == position


@given(position=positions, made_for=filters, used_with=filters)
def test_a_cursor_is_refused_under_other_filters(position: Position, made_for: Filters, used_with: Filters) -> None:
    assume(made_for != used_with)
    with pytest.raises(CursorError, match="made for other filters"):
        CURSORS.decode(CURSORS.encode(position, made_for), used_with)


@given(position=positions, data=st.data())
def test_one_changed_character_is_refused(position: Position, data: st.DataObject) -> None:
    cursor = CURSORS.encode(position, Filters())
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters=cursor[at]))
    with pytest.raises(CursorError):
        CURSORS.decode(cursor[:at] + other + cursor[at + 1 :], Filters())


@given(position=positions, cut=st.integers(0, 54), tail=st.sampled_from(["", "=", "A", "=="]))
def test_a_shortened_or_lengthened_cursor_is_refused(position: Position, cut: int, tail: str) -> None:
    cursor = CURSORS.encode(position, Filters())
    for wrong in (cursor[:cut] + tail, cursor + "=", cursor + "A", " " + cursor):
        with pytest.raises(CursorError):
            CURSORS.decode(wrong, Filters())


@given(garbage=st.text(max_size=80))
def test_garbage_is_refused(garbage: str) -> None:
    with pytest.raises(CursorError, match="not a cursor of this service"):
        CURSORS.decode(garbage, Filters())


@given(position=positions)
def test_a_cursor_of_another_secret_is_refused(position: Position) -> None:
    with pytest.raises(CursorError):
        Cursors("another").decode(CURSORS.encode(position, Filters()), Filters())


@given(position=positions)
def test_a_cursor_needs_no_encoding_in_a_url(position: Position) -> None:
    cursor = CURSORS.encode(position, Filters())
    assert len(cursor) == 55
    assert cursor.replace("-", "").replace("_", "").isalnum()

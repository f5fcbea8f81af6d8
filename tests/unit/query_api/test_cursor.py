"""Cursors: opaque, bound to their filters, refused when damaged or forged."""

import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from query_api.filtering.filters import Filters
from query_api.paging.cursor import CursorError, Cursors, Order, Position
from tests.unit.query_api.strategies import filters, positions

CURSORS = Cursors("a secret")


@given(position=positions, wanted=filters)
def test_a_cursor_comes_back_as_its_position(position: Position, wanted: Filters) -> None:
    assert CURSORS.decode(CURSORS.encode(position, wanted), wanted) == (position, wanted)


@given(position=positions, wanted=filters)
def test_a_cursor_is_refused_in_the_other_order(position: Position, wanted: Filters) -> None:
    with pytest.raises(CursorError, match="keep all filters and the order"):
        CURSORS.decode(CURSORS.encode(position, wanted, Order.ASC), wanted, Order.DESC)


def test_a_relative_bound_stays_where_it_was_for_the_first_page() -> None:
    first = Filters(start_us=100, end_us=200, relative=("-7d", "now"))
    later = Filters(start_us=150, end_us=250, relative=("-7d", "now"))
    position = Position(170, uuid.UUID(int=1))
    assert CURSORS.decode(CURSORS.encode(position, first), later) == (position, first)


@given(position=positions, made_for=filters, used_with=filters)
def test_a_cursor_is_refused_under_other_filters(position: Position, made_for: Filters, used_with: Filters) -> None:
    assume(made_for != used_with)
    with pytest.raises(CursorError, match="made for other filters"):
        CURSORS.decode(CURSORS.encode(position, made_for), used_with)


def test_a_cursor_of_a_service_that_knew_no_exclusions_is_still_good() -> None:
    """Servers of two versions answer side by side during an upgrade."""
    earlier = "AgAAAAAAAAAHAAAAAAAAAAAAAAAAAAAAAYAAAAAAAAAAgAAAAAAAAADB0c5QqPKfx-FBtLIa5JJP"
    position, wanted = Position(7, uuid.UUID(int=1)), Filters(("u",))
    assert CURSORS.decode(earlier, wanted) == (position, wanted)


@given(position=positions, data=st.data())
def test_one_changed_character_is_refused(position: Position, data: st.DataObject) -> None:
    cursor = CURSORS.encode(position, Filters())
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"], exclude_characters=cursor[at]))
    with pytest.raises(CursorError):
        CURSORS.decode(cursor[:at] + other + cursor[at + 1 :], Filters())


@given(position=positions, cut=st.integers(0, 75), tail=st.sampled_from(["", "=", "A", "=="]))
def test_a_shortened_or_lengthened_cursor_is_refused(position: Position, cut: int, tail: str) -> None:
    cursor = CURSORS.encode(position, Filters())
    assume(cursor[:cut] + tail != cursor)  # one of 64 ends with an A
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
    assert len(cursor) == 76
    assert cursor.replace("-", "").replace("_", "").isalnum()

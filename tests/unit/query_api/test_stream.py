"""What is passed on of an answer: all its data, and nothing of ClickHouse's report of an error."""

import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query_api.clickhouse.client import ConnectionCut
from query_api.stream import HELD_BYTES, StreamCut, guarded

TAG = b"jklqwertyuiopasd"
TEXT = b"Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)"
REPORT = b"\r\n__exception__\r\n" + TAG + b"\r\n" + TEXT + b"\n%d " % len(TEXT) + TAG + b"\r\n__exception__\r\n"
DATA = b'{"properties":"' + b"0123456789" * 20_000 + b'"}\n'
cuts = st.lists(st.integers(0, len(DATA) + len(REPORT)), max_size=8)


async def sent(whole: bytes, at: list[int], error: Exception | None) -> AsyncIterator[bytes]:
    """The bytes in pieces, then perhaps an error."""
    places = sorted({0, *at, len(whole)})
    for start, end in itertools.pairwise(places):
        yield whole[start:end]
    if error:
        raise error


async def passed(whole: bytes, at: list[int], error: Exception | None = None) -> tuple[bytes, StreamCut | None]:
    read = b""
    try:
        async for chunk in guarded(sent(whole, at, error)):
            read += chunk
    except StreamCut as cut:
        return read, cut
    return read, None


@given(cuts)
@settings(deadline=None)
async def test_a_whole_answer_is_passed_on_whole(at: list[int]) -> None:
    assert await passed(DATA, at) == (DATA, None)


@pytest.mark.parametrize("data", [DATA, b""])
@pytest.mark.parametrize("error", [None, ConnectionCut(), ConnectionResetError()])
@given(at=cuts)
@settings(deadline=None, max_examples=30)
async def test_nothing_of_a_report_is_passed_on(data: bytes, error: Exception | None, at: list[int]) -> None:
    read, cut = await passed(data + REPORT, at, error)
    assert cut is not None
    assert cut.code == 394
    assert data.startswith(read)
    assert len(data) - len(read) <= HELD_BYTES


async def test_nothing_is_passed_on_before_more_than_is_held_has_come() -> None:
    whole = DATA[:HELD_BYTES]
    assert [chunk async for chunk in guarded(sent(whole, [10, 500], None))] == [whole]


async def test_an_answer_that_breaks_off_without_a_report_is_cut() -> None:
    read, cut = await passed(DATA, [], ConnectionResetError())
    assert cut is not None
    assert cut.code is None
    assert DATA.startswith(read)
    assert read != DATA


async def test_an_action_that_speaks_of_exceptions_is_data() -> None:
    talk = b'"\r\n__exception__\r\n' + TAG + b'\r\n"\r\n'
    for data in (talk + DATA, talk, DATA + talk):
        assert await passed(data, []) == (data, None)

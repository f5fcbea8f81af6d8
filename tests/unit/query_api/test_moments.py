"""Moments: in and out as RFC 3339, exact to the microsecond."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given

from query_api.filtering.moments import MomentError, from_us, parse_us, to_us
from tests.unit.query_api.strategies import local_times


def written(time_us: int, offset_minutes: int) -> str:
    return msgspec.json.encode(from_us(time_us, offset_minutes)).decode().strip('"')


@given(local=local_times)
def test_a_time_comes_back_in_its_own_offset(local: datetime) -> None:
    offset = local.utcoffset()
    assert offset is not None
    text = written(to_us(local), offset // timedelta(minutes=1))
    assert parse_us(text) == to_us(local)
    read = datetime.fromisoformat(text)  # another parser
    assert (read, read.utcoffset()) == (local, offset)


@pytest.mark.parametrize(
    "text",
    [
        "2013-10-18T21:37:28-06:00",
        "2013-10-18T21:37:28Z",
        "2013-10-18T21:37:28.000001+05:45",
        "1970-01-01T00:00:00Z",
        "1969-12-31T18:00:00-06:00",
        "2199-12-31T23:59:59.999999Z",
        "2200-01-01T13:59:59.999999+14:00",
        "2150-06-01T00:00:00-23:59",
    ],
)
def test_times_are_written_as_the_client_wrote_them(text: str) -> None:
    offset = datetime.fromisoformat(text).utcoffset()
    assert offset is not None
    assert written(parse_us(text), offset // timedelta(minutes=1)) == text


def test_an_offset_that_rfc_3339_cannot_write_is_shown_as_utc() -> None:
    assert written(0, 32_767) == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("0001-01-01T00:00:00+23:59", "1970-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999-23:59", "2200-01-01T00:00:00Z"),
    ],
)
def test_a_time_that_no_action_can_have_is_moved_to_the_nearest_one(text: str, same: str) -> None:
    assert parse_us(text) == parse_us(same)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59.9999999Z", "0000-01-01T00:00:00Z", " ", "T 00:00", "T 00:00\n"])
def test_the_edges_of_what_is_no_time_are_refused(text: str) -> None:
    with pytest.raises(MomentError):
        parse_us(text)

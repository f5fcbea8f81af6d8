"""What the fields of an action accept, and what is made of it."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producer_api.fields import (
    MAX_PROPERTIES_BYTES,
    Refused,
    accept_id,
    accept_name,
    accept_properties,
    accept_time,
    accept_type,
)


@pytest.mark.parametrize("name", ["a", "ABC12312XYZ", "ж" * 256, "with space", "\u00a0", "\u2028", "🐍"])
def test_a_name_of_printable_or_exotic_characters_is_accepted(name: str) -> None:
    assert accept_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 257, "a\x00", "\n", "\x7f", "\x85"])
def test_a_name_that_is_empty_too_long_or_holds_a_control_character_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        accept_name(name)


@pytest.mark.parametrize("name", ["CLICK", "VIEW", "NAVIGATE", "$pageview", "shop/cart:add-item.v2", "Order Completed"])
def test_a_type_in_the_documented_alphabet_is_accepted(name: str) -> None:
    assert accept_type(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, " CLICK", "CLICK ", " ", "CLICK\n", "click!", "é", "\u0430"])
def test_a_type_outside_the_documented_alphabet_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        accept_type(name)


def test_a_type_of_many_spaces_is_judged_at_once() -> None:
    with pytest.raises(Refused):
        accept_type("a" + " " * 62 + "!")


@pytest.mark.parametrize(
    "text",
    [
        "0190163d-8694-739b-aea5-966c26f8ad91",
        "0190163D-8694-739B-AEA5-966C26F8AD91",
        "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91",
        "URN:UUID:0190163D-8694-739b-aea5-966C26f8ad91",
    ],
)
def test_an_id_in_any_text_form_becomes_canonical(text: str) -> None:
    assert accept_id(text) == "0190163d-8694-739b-aea5-966c26f8ad91"


@pytest.mark.parametrize(
    "text", ["", "1", "0190163d8694739baea5966c26f8ad91", "{0190163d-8694-739b-aea5-966c26f8ad91}", "0190163d-" * 4]
)
def test_an_id_that_is_no_uuid_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        accept_id(text)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - the zone comes from the next line
    st.integers(-1439, 1439),
)
def test_a_time_keeps_its_moment_to_the_microsecond_and_its_offset(local: datetime, minutes: int) -> None:
    sent = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    moment, kept_minutes = accept_time(sent)
    assert moment == sent
    assert moment.tzinfo is UTC
    assert kept_minutes == minutes


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "1970-01-01T00:30:00+01:00",
        "2199-12-31T23:30:00-01:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_a_time_outside_1970_to_2199_in_utc_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        accept_time(datetime.fromisoformat(text))


def _accepts(raw: bytes) -> bool:
    try:
        accept_properties(msgspec.json.decode(raw, type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Refused):
        return False
    return True


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b'{"a":1,"a":2}',
        b'{"a":18446744073709551616}',
        b'{ "a" :\n [1.0, 1e2, -0, null, true] }',
        '{"ключ":"значение"}'.encode(),
        b'{"a":"\\ud83d\\ude00\\u0000"}',
        b'{"a":' * 16 + b"1" + b"}" * 16,
        b'{"a":' + b"[" * 15 + b"]" * 15 + b"}",
        b'{"a":"' + b"x" * (MAX_PROPERTIES_BYTES - 8) + b'"}',
    ],
)
def test_properties_that_are_json_are_accepted_and_readable_by_everyone(raw: bytes) -> None:
    assert _accepts(raw)
    json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b'"{}"',
        b"1",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":01}',
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":"\x01"}',
        b'{"a":"\\q"}',
        b'{"a":"\xff"}',
        b'{"\xff":1}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b'{"a":' + b"[" * 16 + b"]" * 16 + b"}",
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":"' + b"x" * (MAX_PROPERTIES_BYTES - 7) + b'"}',
    ],
)
def test_properties_that_some_reader_could_not_read_are_refused(raw: bytes) -> None:
    assert not _accepts(raw)


_FRAGMENTS = st.sampled_from(
    [
        b'"a"',
        b'"b"',
        b":",
        b",",
        b"{",
        b"}",
        b"[",
        b"]",
        b"1",
        b"-",
        b".5",
        b"e9",
        b"null",
        b"\\u00",
        b'"',
        b" ",
        b"\xc3",
    ]
)


@given(st.lists(_FRAGMENTS, max_size=12).map(lambda parts: b'{"a":' + b"".join(parts) + b"}"))
@example(b'{"a":"\\"}')
def test_whatever_properties_are_accepted_json_loads_reads_them(raw: bytes) -> None:
    if _accepts(raw):
        assert isinstance(json.loads(raw), dict)

"""Rows to answers: properties byte for byte, and always valid JSON."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.paging.formats import Row, encode_json

ID = "0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21"


def stored(properties: str, user: str = "u") -> bytes:
    return msgspec.json.encode([ID, user, "s", "CLICK", 1_382_153_848_000_000, -360, properties]) + b"\n"


def decoded(lines: bytes) -> list[Row]:
    return msgspec.json.Decoder(Row).decode_lines(lines)


def test_the_answer_has_the_documented_shape() -> None:
    body = encode_json(decoded(stored('{"locationX": 52, "locationY": 11}')), "abc")
    assert body == (
        b'{"actions":[{"id":"' + ID.encode() + b'","userId":"u","sessionId":"s","time":"2013-10-18T21:37:28-06:00",'
        b'"type":"CLICK","properties":{"locationX": 52, "locationY": 11}}],"next":"abc"}'
    )


def test_an_empty_page_is_an_empty_list_and_null() -> None:
    assert encode_json([], None) == b'{"actions":[],"next":null}'


@pytest.mark.parametrize(
    "properties",
    [
        "{}",
        '{ "b" : 1.0, "a":1e2, "a": -0.0 }',
        '{"n":12345678901234567890123.4560,"e":1e400}',
        '{"s":"\\u00e9 é \\/ /", "😀":"\u2028"}',
        '{"deep":' + "[" * 100 + "]" * 100 + "}",
    ],
)
def test_properties_come_back_byte_for_byte(properties: str) -> None:
    body = encode_json(decoded(stored(properties)), None)
    assert body.endswith(b'"properties":' + properties.encode() + b'}],"next":null}')


@given(properties=st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.booleans()), user=st.text())
def test_any_action_survives(properties: dict[str, object], user: str) -> None:
    try:
        line = stored(json.dumps(properties, ensure_ascii=False), user)
    except UnicodeEncodeError:  # lone surrogates
        return
    (action,) = json.loads(encode_json(decoded(line), None))["actions"]
    assert (action["properties"], action["userId"]) == (properties, user)


@pytest.mark.parametrize("properties", ["", "not json", '{"a":1', '{"a":1}}', "{}, {}", "[" * 100_000])
def test_what_others_stored_as_properties_cannot_break_the_answer(properties: str) -> None:
    (action,) = json.loads(encode_json(decoded(stored(properties)), None))["actions"]
    assert action["properties"] == properties

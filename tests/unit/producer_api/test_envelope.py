"""A body becomes records, or a list of every wrong field."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.record import decode, encode
from producer_api.envelope import Invalid, Reading, read_strictly
from producer_api.field_by_field import MAX_UNKNOWN_PER_OBJECT, read
from producer_api.openapi import EXAMPLE

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
MAX_ACTIONS = 1_000
ACTION: dict[str, Any] = {"time": "2018-10-18T21:37:30-06:00", "type": "CLICK"}


def read_body(body: bytes | dict[str, Any]) -> Reading:
    return read(body if isinstance(body, bytes) else json.dumps(body).encode(), NOW, max_actions=MAX_ACTIONS)


def envelope(*actions: Any, **changes: Any) -> dict[str, Any]:
    return {"userId": "u", "sessionId": "s", "actions": list(actions), **changes}


def paths(reading: Reading) -> list[str]:
    return [error.path for error in reading.errors]


def test_the_sample_becomes_three_records_that_the_sink_can_read() -> None:
    reading = read_body(json.dumps(EXAMPLE).encode())
    assert not reading.errors
    assert [record.type for record in reading.records] == ["CLICK", "VIEW", "NAVIGATE"]
    first = reading.records[0]
    assert (first.user_id, first.session_id) == ("ABC12312XYZ", "XYZ45126ABC")
    assert first.time == datetime(2013, 10, 19, 3, 37, 28, tzinfo=UTC)
    assert first.utc_offset_minutes == -360
    assert first.received_at == NOW
    assert bytes(first.properties) == b'{"locationX": 52, "locationY": 11}'
    assert [decode(encode(record)) for record in reading.records] == list(reading.records)


@pytest.mark.parametrize("body", [{"userId": "u", "sessionId": "s"}, {"userId": "u", "sessionId": "s", "actions": []}])
def test_an_envelope_without_actions_is_valid_and_holds_none(body: dict[str, Any]) -> None:
    assert read_body(body) == Reading([])


def test_an_action_without_properties_has_an_empty_object() -> None:
    (record,) = read_body(envelope(ACTION)).records
    assert bytes(record.properties) == b"{}"


def test_new_ids_are_unique_and_ascending_and_a_given_id_is_kept() -> None:
    given_id = "0190163D-8694-739B-AEA5-966C26F8AD91"
    records = read_body(envelope(ACTION, ACTION, {**ACTION, "id": given_id})).records
    assert records[0].event_id < records[1].event_id
    assert records[2].event_id == given_id.lower()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4), st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_properties_come_out_byte_for_byte(value: dict[str, Any], ascii_only: bool, indent: int | str | None) -> None:
    sent = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    head = b'{"userId":"u","sessionId":"s","actions":[{"time":"2018-10-18T21:37:30Z","type":"A","properties": '
    reading = read_body(head + sent + b" }]}")
    assert not reading.errors
    assert bytes(reading.records[0].properties) == sent
    assert bytes(decode(encode(reading.records[0])).properties) == sent


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - local, the offset is appended
    st.integers(-1439, 1439),
)
def test_the_client_s_time_can_be_given_back(local: datetime, minutes: int) -> None:
    hours, rest = divmod(abs(minutes), 60)
    sent = f"{local.isoformat()}{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
    (record,) = read_body(envelope({**ACTION, "time": sent})).records
    assert record.utc_offset_minutes == minutes
    assert (record.time + timedelta(minutes=minutes)).replace(tzinfo=None) == local


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        (b"", "$", "ends too early"),
        (b"{", "$", "ends too early"),
        (b"[]", "$", "expected `object`, got `array`"),
        (b"\xef\xbb\xbf{}", "$", "JSON is malformed"),
        (b'{"userId":"\xff","sessionId":"s"}', "$.userId", "is not UTF-8"),
        (b'{"userId":"\\ud800","sessionId":"s"}', "$", "lone surrogate"),
        (b'{"userId":1,"userId":"u","sessionId":"s"}', "$.userId", "expected `str`, got `int`"),
        (b"[" * 100_000, "$", "expected `object`"),
        ({"sessionId": "s"}, "$.userId", "is required"),
        ({"userId": "u"}, "$.sessionId", "is required"),
        (envelope(userId=None), "$.userId", "expected `str`, got `null`"),
        (envelope(userId=""), "$.userId", "must have 1 to 256 characters, has 0"),
        (envelope(sessionId="x" * 257), "$.sessionId", "must have 1 to 256 characters, has 257"),
        (envelope(userId="a\tb"), "$.userId", "contains the control character U+0009"),
        (envelope(actions=None), "$.actions", "expected `array`, got `null`"),
        (envelope(actions=[ACTION] * 1001), "$.actions", "must hold at most 1000 actions, holds 1001"),
        (envelope(userID="u"), "$.userID", "did you mean `userId`?"),
        (envelope(session_id="u"), "$.session_id", "did you mean `sessionId`?"),
        (envelope(colour="red"), "$.colour", "is not a known field"),
        (envelope(**{"two words": 1}), '$["two words"]', "is not a known field"),
        (envelope(7), "$.actions[0]", "expected `object`, got `int`"),
        (envelope({"time": ACTION["time"]}), "$.actions[0].type", "is required"),
        (envelope({"type": "A"}), "$.actions[0].time", "is required"),
        (envelope({**ACTION, "type": "no!"}), "$.actions[0].type", "may contain ASCII letters"),
        (envelope({**ACTION, "time": "yesterday"}), "$.actions[0].time", "must be an RFC 3339 date and time"),
        (envelope({**ACTION, "time": "2018-02-30T00:00:00Z"}), "$.actions[0].time", "must be an RFC 3339"),
        (envelope({**ACTION, "time": "2018-10-18T21:37:30"}), "$.actions[0].time", "must have an offset"),
        (envelope({**ACTION, "time": 1539920250}), "$.actions[0].time", "expected `str`, got `int`"),
        (envelope({**ACTION, "time": "2200-01-01T00:00:00Z"}), "$.actions[0].time", "1970 to 2199"),
        (envelope({**ACTION, "properties": None}), "$.actions[0].properties", "expected `object`, got `null`"),
        (envelope({**ACTION, "properties": {"a": "x" * 32768}}), "$.actions[0].properties", "at most 32768 bytes"),
        (envelope({**ACTION, "id": "1"}), "$.actions[0].id", "must be a UUID"),
        (envelope({**ACTION, "id": None}), "$.actions[0].id", "expected `str`, got `null`"),
        (envelope({**ACTION, "propertys": {}}), "$.actions[0].propertys", "did you mean `properties`?"),
    ],
)
def test_a_wrong_field_is_named_by_its_path_with_the_reason(
    body: bytes | dict[str, Any], path: str, reason: str
) -> None:
    reading = read_body(body)
    assert paths(reading) == [path]
    assert reason in reading.errors[0].reason
    assert not reading.records


def test_too_deep_properties_are_refused_with_the_bound() -> None:
    deep: dict[str, Any] = {}
    for _ in range(16):
        deep = {"a": deep}
    reading = read_body(envelope({**ACTION, "properties": deep}))
    assert reading.errors == [Invalid(0, "$.actions[0].properties", "must be nested at most 16 levels deep")]


def test_every_wrong_field_of_every_action_is_reported() -> None:
    reading = read_body(
        envelope(
            {"time": "2018-10-18T21:37:30", "type": "", "properties": []},
            ACTION,
            {"type": "A", "id": "x", "extra": 1},
            userId="",
        )
    )
    assert paths(reading) == [
        "$.userId",
        "$.actions[0].time",
        "$.actions[0].type",
        "$.actions[0].properties",
        "$.actions[2].time",
        "$.actions[2].id",
        "$.actions[2].extra",
    ]
    assert not reading.records


def test_valid_actions_are_read_beside_wrong_ones() -> None:
    reading = read_body(envelope(ACTION, {**ACTION, "type": "!"}, {**ACTION, "type": "VIEW"}))
    assert [record.type for record in reading.records] == ["CLICK", "VIEW"]
    assert [error.action for error in reading.errors] == [1]


def test_the_errors_of_a_body_full_of_unknown_fields_stay_few() -> None:
    reading = read_body(envelope(**{f"unknown{i}": 1 for i in range(10_000)}))
    assert len(reading.errors) == MAX_UNKNOWN_PER_OBJECT + 1
    assert "more unknown fields" in reading.errors[-1].reason


def test_a_very_long_unknown_name_is_shortened() -> None:
    reading = read_body(envelope(**{"x" * 100_000: 1}))
    assert len(reading.errors[0].path) < 100


_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, 1, "", "u", "a\n", "CLICK", "2018-10-18T21:37:30Z", "2018-10-18T21:37:30", {}, {"a": [1]}, [], [{}], [1]]
)
_ACTIONS = st.dictionaries(st.sampled_from(["time", "type", "properties", "id", "x"]), _VALUES, max_size=5)
_ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "userId": _VALUES,
        "sessionId": _VALUES,
        "actions": _VALUES | st.lists(_ACTIONS, max_size=3),
        "x": _VALUES,
    },
)


@given(_ENVELOPES)
def test_both_ways_of_reading_give_the_same_verdict(value: dict[str, Any]) -> None:
    body = json.dumps(value).encode()
    reading = read_body(body)
    try:
        records = read_strictly(body, NOW, max_actions=MAX_ACTIONS)
    except ValueError:
        assert reading.errors
    else:
        assert not reading.errors
        assert len(reading.records) == len(records)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert read_body(body).errors

"""A body becomes records, or a list of every wrong field."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.record import ActionRecord, decode
from producer_api.envelope import Arrival, read_strictly
from producer_api.field_by_field import MAX_UNKNOWN_PER_OBJECT
from producer_api.openapi import EXAMPLE
from producer_api.reading import Invalid, Reading, one_by_one
from producer_api.second_reading import read

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
ARRIVAL = Arrival(NOW, max_actions=1_000)
ACTION: dict[str, Any] = {"time": "2018-10-18T21:37:30-06:00", "type": "CLICK"}


def read_body(body: bytes | dict[str, Any]) -> Reading:
    return read(body if isinstance(body, bytes) else json.dumps(body).encode(), ARRIVAL)


def envelope(*actions: Any, **changes: Any) -> dict[str, Any]:
    return {"userId": "u", "sessionId": "s", "actions": list(actions), **changes}


def records_of(reading: Reading) -> list[ActionRecord]:
    """As the sink reads them on the topic."""
    return [decode(record.value) for record in reading.records]


def paths(reading: Reading) -> list[str]:
    return [error.path for error in reading.errors]


def test_the_sample_becomes_three_records_that_the_sink_can_read() -> None:
    reading = read_body(json.dumps(EXAMPLE).encode())
    assert not reading.errors
    assert [record.type for record in records_of(reading)] == ["CLICK", "VIEW", "NAVIGATE"]
    first = records_of(reading)[0]
    assert (first.user_id, first.session_id) == ("ABC12312XYZ", "XYZ45126ABC")
    assert first.time == datetime(2013, 10, 19, 3, 37, 28, tzinfo=UTC)
    assert first.utc_offset_minutes == -360
    assert first.received_at == NOW
    assert bytes(first.properties) == b'{"locationX": 52, "locationY": 11}'
    kept = [(record.event_id, record.user_id) for record in reading.records]
    assert kept == [(record.event_id, record.user_id) for record in records_of(reading)]


@pytest.mark.parametrize("body", [{"userId": "u", "sessionId": "s"}, {"userId": "u", "sessionId": "s", "actions": []}])
def test_an_envelope_without_actions_is_valid_and_holds_none(body: dict[str, Any]) -> None:
    assert read_body(body) == Reading([])


def test_an_action_without_properties_has_an_empty_object() -> None:
    (record,) = records_of(read_body(envelope(ACTION)))
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
    assert bytes(records_of(reading)[0].properties) == sent


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - local, the offset is appended
    st.integers(-1439, 1439),
)
def test_the_client_s_time_can_be_given_back(local: datetime, minutes: int) -> None:
    hours, rest = divmod(abs(minutes), 60)
    sent = f"{local.isoformat()}{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
    (record,) = records_of(read_body(envelope({**ACTION, "time": sent})))
    assert record.utc_offset_minutes == minutes
    assert (record.time + timedelta(minutes=minutes)).replace(tzinfo=None) == local


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        (b"", "$", "ends too early"),
        (b"{", "$", "ends too early"),
        (b"null", "$", "expected `object`, got `null`"),
        (b'{"userId":"u"} {"userId":"u"}', "$", "trailing characters"),
        (b"\xef\xbb\xbf{}", "$", "JSON is malformed"),
        (b'{"userId":"\xff","sessionId":"s"}', "$.userId", "is not UTF-8"),
        (b'{"userId":"\\ud800","sessionId":"s"}', "$.userId", "lone surrogate"),
        (b"[" * 100_000, "$", "nested too deeply"),
        (b'{"a":' * 100_000, "$", "nested too deeply"),
        ({"sessionId": "s"}, "$.userId", "is required"),
        ({"userId": "u"}, "$.sessionId", "is required"),
        (envelope(userId=None), "$.userId", "expected `str`, got `null`"),
        (envelope(userId=""), "$.userId", "must have 1 to 256 characters, has 0"),
        (envelope(sessionId="x" * 257), "$.sessionId", "must have 1 to 256 characters, has 257"),
        (envelope(userId="a\tb"), "$.userId", "contains the control character U+0009"),
        (envelope(actions=None), "$.actions", "expected `array`, got `null`"),
        (envelope(sentAt="2026-01-02T03:04:05"), "$.sentAt", "must have an offset"),
        (envelope(sentAt=1767323045), "$.sentAt", "expected `str`, got `int`"),
        (envelope(sentAt="1969-01-02T03:04:05Z"), "$.sentAt", "1970 to 2199"),
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
        (envelope({**ACTION, "time": "2016-12-31T23:59:60Z"}), "$.actions[0].time", "must not be a leap second"),
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
    reason = "must be nested at most 16 levels deep"
    assert reading.errors == [Invalid(0, "$.actions[0].properties", reason, "properties")]


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
    assert [record.type for record in records_of(reading)] == ["CLICK", "VIEW"]
    assert [error.action for error in reading.errors] == [1]
    assert reading.rejected == reading.errors


def test_a_rejected_action_is_reported_once_with_the_first_of_its_wrong_fields() -> None:
    reading = read_body(envelope({"type": "!", "time": "x"}, ACTION))
    assert paths(reading) == ["$.actions[0].time", "$.actions[0].type"]
    assert [(wrong.action, wrong.path) for wrong in reading.rejected] == [(0, "$.actions[0].time")]


def test_of_a_wrong_envelope_every_action_is_rejected() -> None:
    reading = read_body(envelope(ACTION, {"type": "!"}, userId=""))
    assert [(wrong.action, wrong.path) for wrong in reading.rejected] == [(0, "$.userId"), (1, "$.userId")]


@pytest.mark.parametrize("body", [b"nonsense", {"userId": "u"}, envelope(actions=7), envelope(userId="")])
def test_an_envelope_whose_actions_cannot_be_told_is_rejected_as_a_whole(body: bytes | dict[str, Any]) -> None:
    assert [wrong.action for wrong in read_body(body).rejected] == [None]


def test_an_id_that_is_given_twice_is_accepted_once() -> None:
    given_id = "0190163D-8694-739B-AEA5-966C26F8AD91"
    reading = read_body(envelope({**ACTION, "id": given_id}, ACTION, {**ACTION, "id": given_id.lower()}))
    assert len(reading.records) == 2
    assert [(wrong.action, *wrong[1:3]) for wrong in reading.rejected] == [
        (2, "$.actions[2].id", "repeats the id of action 0")
    ]


def test_an_id_may_stand_at_a_rejected_action_and_again_at_a_valid_one() -> None:
    same = {**ACTION, "id": "0190163d-8694-739b-aea5-966c26f8ad91"}
    reading = read_body(envelope({**same, "type": "!"}, same))
    assert (len(reading.records), len(reading.rejected)) == (1, 1)


def test_of_a_key_that_is_given_twice_the_last_counts() -> None:
    twice = b'{"userId":1,"userId":"u","sessionId":"s","actions":[{"time":0,"time":"2018-10-18T21:37:30Z","type":"A"}]}'
    (record,) = records_of(read_body(twice))
    assert (record.user_id, record.type) == ("u", "A")
    assert paths(read_body(b'{"userId":"u","userId":1,"sessionId":"s"}')) == ["$.userId"]


@pytest.mark.parametrize("escape", ["\\ud83d", "\\udc00", "\\uDBFFx", "\\ud83d\\ud83d\\ude00"])
def test_a_lone_surrogate_refuses_its_own_action_and_no_other(escape: str) -> None:
    whole = '"\\ud83d\\ude00 \\\\ud83d"'  # a pair, and an escaped backslash
    actions = ",".join(
        f'{{"time":"2018-10-18T21:37:30Z","type":"A","properties":{{"a":{text}}}}}' for text in (whole, f'"{escape}"')
    )
    reading = read_body(f'{{"userId":"u","sessionId":"s","actions":[{actions}]}}'.encode())
    assert [bytes(record.properties) for record in records_of(reading)] == [f'{{"a":{whole}}}'.encode()]
    assert paths(reading) == ["$.actions[1].properties"]
    assert "lone surrogate" in reading.errors[0].reason


@pytest.mark.parametrize(
    ("sent_at", "skew_ms"),
    [("2026-01-02T03:04:05Z", 679), ("2026-01-02T04:04:06.5+01:00", -821), ("2013-01-01T00:00:00Z", 410324645679)],
)
def test_the_skew_of_the_client_s_clock_is_recorded_and_its_times_stay(sent_at: str, skew_ms: int) -> None:
    reading = read_body(envelope(ACTION, sentAt=sent_at))
    (record,) = records_of(reading)
    assert record.clock_skew_ms == skew_ms == reading.envelopes[0].clock_skew_ms
    assert record.time == datetime(2018, 10, 19, 3, 37, 30, tzinfo=UTC)


def test_a_misspelt_field_is_named_before_the_missing_one_that_it_explains() -> None:
    reading = read_body({"userID": "u", "sessionId": "s", "actions": [ACTION]})
    assert paths(reading) == ["$.userID", "$.userId"]
    assert reading.rejected[0].reason == "is not a known field; did you mean `userId`?"


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
        records = read_strictly(body, ARRIVAL)
    except ValueError:
        assert reading.errors
    else:
        assert not reading.errors
        assert len(reading.records) == len(list(one_by_one(records)))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert read_body(body).errors

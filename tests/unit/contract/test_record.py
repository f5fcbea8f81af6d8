from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.record import EARLIEST_TIME, LATEST_TIME, ActionRecord, RecordError, decode, decode_all, encode

MOMENTS = st.datetimes(
    EARLIEST_TIME.replace(tzinfo=None), LATEST_TIME.replace(tzinfo=None) - timedelta(seconds=1), timezones=st.just(UTC)
)
TEXT = st.text(st.characters(codec="utf-8"))
PROPERTIES = st.dictionaries(TEXT, st.integers() | TEXT | st.none(), max_size=3).map(msgspec.json.encode)

GOOD = {
    "event_id": "01a20ffc-7ad0-72d4-8a20-d2033fb8f913",
    "user_id": "u",
    "session_id": "s",
    "type": "CLICK",
    "time": "2018-10-19T03:37:30Z",
    "utc_offset_minutes": -360,
    "received_at": "2018-10-19T03:37:31.5Z",
    "properties": {},
}


@given(st.uuids(), TEXT, TEXT, TEXT, MOMENTS, st.integers(-1439, 1439), MOMENTS, PROPERTIES)
def test_a_record_is_read_as_it_was_written(
    event_id: object, user: str, session: str, kind: str, time: datetime, minutes: int, at: datetime, properties: bytes
) -> None:
    record = ActionRecord(str(event_id), user, session, kind, time, minutes, at, msgspec.Raw(properties))
    assert decode(encode(record)) == record
    assert bytes(decode(encode(record)).properties) == properties


def test_fields_that_a_later_version_adds_are_ignored() -> None:
    assert decode(msgspec.json.encode({**GOOD, "colour": "red"})).type == "CLICK"


def test_a_record_without_the_later_fields_is_read() -> None:
    assert decode(msgspec.json.encode(GOOD)).clock_skew_ms is None
    assert decode(msgspec.json.encode({**GOOD, "clock_skew_ms": -12})).clock_skew_ms == -12


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", "01A20FFC-7AD0-72D4-8A20-D2033FB8F913"),
        ("event_id", "x"),
        ("time", "2018-10-19T03:37:30+02:00"),
        ("time", "2018-10-19T03:37:30"),
        ("time", "2200-01-01T00:00:00Z"),
        ("received_at", "1969-12-31T23:59:59Z"),
        ("utc_offset_minutes", 1440),
        ("clock_skew_ms", 2**63),
        ("properties", []),
        ("user_id", None),
    ],
)
def test_a_field_that_breaks_the_contract_is_named(field: str, value: object) -> None:
    with pytest.raises(RecordError, match=field):
        decode(msgspec.json.encode({**GOOD, field: value}))


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{", b"[]", b"null", b'{"a":' * 100_000])
def test_what_is_no_record_is_refused(value: bytes | None) -> None:
    with pytest.raises(RecordError):
        decode(value)


GOOD_VALUE = msgspec.json.encode(GOOD)
# Each refused by ``decode``, each for another reason; and some that it takes, at the edges of the rules.
ODD_VALUES = [
    None,
    b"",
    b"{}",
    b'{"a":' * 100_000,
    GOOD_VALUE + b"}",
    GOOD_VALUE[:-1],
    GOOD_VALUE + b"," + GOOD_VALUE,
    GOOD_VALUE.replace(b"CLICK", b"\xc3"),
    GOOD_VALUE.replace(b"{}", b'{"a":"\xff"}'),
    GOOD_VALUE.replace(b"{}", b'{"a":"\x00{"}'),
    GOOD_VALUE[:-1] + b',"later":"\xff"}',
    GOOD_VALUE[:-1] + b',"later":"\xc3\xa9"}',
    b" \n" + GOOD_VALUE + b"\t",
    *(
        msgspec.json.encode({**GOOD, field: value})
        for field, value in [
            ("event_id", GOOD["event_id"].upper()),  # type: ignore[attr-defined]
            ("event_id", "01a20ffc7ad072d48a20d2033fb8f913----"),
            ("event_id", "01a20ffc-7ad0-72d4-8a20-d2033fb8f9 3"),
            ("event_id", "01a20ffc-7ad0-72d4-8a20-d2033fb8f9\u06613"),
            ("event_id", "01a20ffc-7ad0-72d4-8a20-d2033fb8f9133"),
            ("event_id", "01a20ffc-7ad0-72d4-8a20-d2033fb8f91"),
            ("event_id", ""),
            ("time", "1970-01-01T00:00:00Z"),
            ("time", "1969-12-31T23:59:59.999999Z"),
            ("time", "2199-12-31T23:59:59.999999Z"),
            ("time", "2200-01-01T00:00:00Z"),
            ("time", "2018-10-19T03:37:30+00:00"),
            ("time", "2018-10-19T03:37:30"),
            ("received_at", "2018-10-19T03:37:30+02:00"),
            ("received_at", "2200-01-01T00:00:00Z"),
            ("utc_offset_minutes", 1439),
            ("utc_offset_minutes", -1440),
            ("utc_offset_minutes", 2**70),
            ("clock_skew_ms", 7_258_118_400_000),
            ("clock_skew_ms", -7_258_118_400_001),
            ("clock_skew_ms", 2**70),
            ("properties", []),
            ("properties", "{"),
            ("properties", None),
        ]
    ),
]


def assert_judged_as_alone(values: list[bytes | None]) -> None:
    try:
        expected = [decode(value) for value in values]
    except RecordError:
        with pytest.raises(RecordError):
            decode_all(values)
    else:
        assert decode_all(values) == expected


@given(st.lists(st.sampled_from([GOOD_VALUE, *ODD_VALUES]), max_size=4))
def test_values_decoded_together_are_judged_as_each_alone(values: list[bytes | None]) -> None:
    assert_judged_as_alone(values)


@pytest.mark.parametrize("value", ODD_VALUES)
def test_an_odd_value_among_good_ones_is_judged_as_alone(value: bytes | None) -> None:
    assert_judged_as_alone([GOOD_VALUE, value, GOOD_VALUE])

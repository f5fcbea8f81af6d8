"""Records that are encoded together are the same, byte for byte, as those encoded one by one."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contract.record import EARLIEST_TIME, LATEST_TIME, ActionRecord, Columns, encode, encode_all

MOMENTS = st.datetimes(
    EARLIEST_TIME.replace(tzinfo=None), LATEST_TIME.replace(tzinfo=None) - timedelta(seconds=1), timezones=st.just(UTC)
) | st.just(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
TEXT = st.text(st.characters(codec="utf-8"))
PROPERTIES = st.dictionaries(TEXT, st.integers() | TEXT | st.none(), max_size=3).map(msgspec.json.encode)
ROWS = st.lists(
    st.tuples(st.uuids().map(str), TEXT, MOMENTS, st.sampled_from([0, 0, 0, -360, 1439]), PROPERTIES.map(msgspec.Raw)),
    max_size=5,
)
SKEWS = st.none() | st.integers(-(10**12), 10**12)


@given(TEXT, TEXT, MOMENTS, SKEWS, ROWS)
def test_each_value_is_what_encode_gives(
    user: str,
    session: str,
    received_at: datetime,
    skew_ms: int | None,
    rows: list[tuple[str, str, datetime, int, msgspec.Raw]],
) -> None:
    records = [
        ActionRecord(event_id, user, session, kind, time, minutes, received_at, properties, skew_ms)
        for event_id, kind, time, minutes, properties in rows
    ]
    columns = Columns(
        [record.event_id for record in records],
        [msgspec.json.encode(record.type) for record in records],
        [record.time for record in records],
        {n: record.utc_offset_minutes for n, record in enumerate(records) if record.utc_offset_minutes},
        [record.properties for record in records],
    )
    assert encode_all(user, session, received_at, skew_ms, columns) == list(map(encode, records))

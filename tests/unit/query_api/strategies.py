"""Generated values that several tests share."""

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from contract.record import EARLIEST_TIME, LATEST_TIME, MAX_OFFSET_MINUTES
from query_api.filtering.filters import Filters, Operator, PropertyCondition, Scope
from query_api.filtering.moments import to_us
from query_api.paging.cursor import Position

times_us = st.integers(to_us(EARLIEST_TIME), to_us(LATEST_TIME) - 1)
positions = st.builds(Position, times_us, st.uuids())
_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_texts = st.lists(_text, max_size=3, unique=True).map(tuple)
_conditions = st.builds(
    PropertyCondition,
    st.lists(_text, min_size=1, max_size=3).map(tuple),
    st.sampled_from([operator for operator in Operator if operator is not Operator.EXISTS]),
    st.lists(_text | st.sampled_from(["", "1", "-2.5e3", "true", "null"]), min_size=1, max_size=3).map(tuple),
)
_properties = st.lists(_conditions, max_size=3).map(tuple)
_scopes = st.builds(Scope, _texts, _texts, st.none() | times_us, st.none() | times_us)
filters = st.builds(
    Filters,
    _texts,
    _texts,
    _texts,
    st.none() | times_us,
    st.none() | times_us,
    _properties,
    st.just(Scope()) | _scopes,
    not_user_ids=_texts,
    not_session_ids=_texts,
    not_types=_texts,
)
offsets = st.integers(-MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES)


def _local(time_us: int, offset_minutes: int) -> datetime:
    return (EARLIEST_TIME + timedelta(microseconds=time_us)).astimezone(timezone(timedelta(minutes=offset_minutes)))


# From the second day on, so that no offset leads before 1970 and every parser agrees.
local_times = st.builds(_local, st.integers(2 * 86_400_000_000, to_us(LATEST_TIME) - 1), offsets)

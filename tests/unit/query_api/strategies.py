"""Generated values that several tests share."""

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from contract.record import EARLIEST_TIME, LATEST_TIME, MAX_OFFSET_MINUTES
from query_api.cursor import Position
from query_api.filters import Filters
from query_api.moments import to_us

times_us = st.integers(to_us(EARLIEST_TIME), to_us(LATEST_TIME) - 1)
positions = st.builds(Position, times_us, st.uuids())
_text = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
filters = st.builds(Filters, _text, _text, st.none() | times_us, st.none() | times_us)
offsets = st.integers(-MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES)


def _local(time_us: int, offset_minutes: int) -> datetime:
    return (EARLIEST_TIME + timedelta(microseconds=time_us)).astimezone(timezone(timedelta(minutes=offset_minutes)))


# From the second day on, so that no offset leads before 1970 and every parser agrees.
local_times = st.builds(_local, st.integers(2 * 86_400_000_000, to_us(LATEST_TIME) - 1), offsets)

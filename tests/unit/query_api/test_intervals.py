"""Intervals begin where the zone's clock says, on the days too when it is changed; and never too many."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.problem import Problem
from query_api.analytics import intervals
from query_api.analytics.intervals import Axis, Interval, Zone, parse_interval, parse_zone
from query_api.filtering.conditions import Conditions
from query_api.filtering.moments import parse_us, to_us
from tests.unit.query_api import timeline

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"),
    *("Pacific/Apia", "America/Sao_Paulo", "America/Havana", "Asia/Beirut", "Pacific/Chatham", "Africa/Casablanca"),
)
CHANGES = (  # around which days are longer, shorter or left out
    *("2024-03-31T01:00:00", "2024-10-27T01:00:00", "2024-04-06T15:00:00", "2011-12-30T10:00:00"),
    *("2018-11-04T03:00:00", "2018-02-18T02:00:00", "2024-11-03T05:00:00", "2024-12-31T23:30:00"),
)
moments = st.builds(
    lambda around, seconds: datetime.fromisoformat(around).replace(tzinfo=UTC) + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-6 * 86_400, 6 * 86_400),
)
lengths = st.integers(1, 2 * 86_400) | st.integers(1, 20 * 86_400)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(Interval)), st.sampled_from(ZONES), moments, lengths)
@example(Interval.DAY, "Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC), 5 * 86_400)
@example(Interval.HOUR, "Australia/Lord_Howe", datetime(2024, 4, 6, 12, tzinfo=UTC), 6 * 3_600)
@example(Interval.HOURS_6, "Europe/Berlin", datetime(2024, 10, 26, 12, tzinfo=UTC), 2 * 86_400)
def test_intervals_begin_where_the_clock_of_the_zone_says(
    interval: Interval, zone: str, start: datetime, seconds: int
) -> None:
    end = start + timedelta(seconds=seconds)
    axis = made(interval, zone, start, end)
    assert axis.starts == tuple(to_us(moment) for moment in timeline.starts(interval, zone, start, end))


def made(interval: str, zone: str, start: datetime, end: datetime, most: int = 100_000) -> Axis:
    return intervals.axis(interval, parse_zone(zone), to_us(start), to_us(end), most=most)


@pytest.mark.parametrize(
    ("interval", "zone", "start", "end", "times"),
    [
        (
            "1d",
            "Europe/Berlin",
            "2024-03-30T23:00:00Z",
            "2024-03-31T23:00:00Z",
            ["03-31T00:00+01:00", "04-01T00:00+02:00"],
        ),
        ("1w", "UTC", "2024-12-31T00:00:00Z", "2025-01-07T00:00:00Z", ["12-30T00:00Z", "01-06T00:00Z"]),
        (
            "1h",
            "Europe/Berlin",
            "2024-10-27T00:00:00Z",
            "2024-10-27T02:00:00Z",
            ["10-27T02:00+02:00", "10-27T02:00+01:00"],
        ),
        (
            "1h",
            "Asia/Kolkata",
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:40:00Z",
            ["01-01T05:00+05:30", "01-01T06:00+05:30"],
        ),
        ("1d", "UTC", "2199-12-31T00:00:00Z", "2200-01-01T00:00:00Z", ["12-31T00:00Z"]),
    ],
)
def test_some_axes_by_hand(interval: str, zone: str, start: str, end: str, times: list[str]) -> None:
    axis = intervals.axis(interval, parse_zone(zone), parse_us(start), parse_us(end), most=10)
    assert [re.sub(r"^\d{4}-|:00(?=[+Z])", "", text or "") for text in axis.times()] == times


@given(moments, st.integers(1, 1_000 * 86_400), st.sampled_from(ZONES))
@settings(max_examples=60, deadline=None)
def test_auto_makes_30_to_200_points(start: datetime, seconds: int, zone: str) -> None:
    axis = made("auto", zone, start, start + timedelta(seconds=seconds))
    assert len(axis.starts) <= 201
    assert len(axis.starts) >= 28 or axis.interval is Interval.MINUTE


def test_as_many_points_as_allowed_and_not_one_more() -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    assert len(made("1m", "UTC", start, start + timedelta(minutes=50), most=50).starts) == 50
    for late in (timedelta(seconds=0), timedelta(seconds=30)):
        with pytest.raises(Problem) as refused:
            made("1m", "UTC", start + late, start + late + timedelta(minutes=51), most=50)
        assert refused.value.errors[0]["path"] == "interval"
    with pytest.raises(Problem):
        made("1m", "UTC", start + timedelta(seconds=30), start + timedelta(minutes=50, seconds=30), most=50)


def test_a_huge_range_is_refused_without_counting_it_out() -> None:
    with pytest.raises(Problem, match="120,968,640"):
        intervals.axis("1m", Zone(), 0, parse_us("2200-01-01T00:00:00Z"), most=2_000)


def test_an_empty_span_has_no_points() -> None:
    assert intervals.axis("auto", Zone(), 5, 5, most=10).starts == ()
    assert intervals.axis("1d", Zone(), 5, 4, most=10).starts == ()


def test_equal_lengths_are_cut_by_arithmetic_and_others_by_a_table() -> None:
    start = datetime(2024, 3, 30, tzinfo=UTC)
    even, uneven = Conditions(), Conditions()
    assert "%" in made("1h", "Europe/Berlin", start, start + timedelta(days=3)).start_of(even)
    assert even.parameters["step_us"] == 3_600_000_000
    assert "roundDown" in made("1d", "Europe/Berlin", start, start + timedelta(days=3)).start_of(uneven)


@pytest.mark.parametrize("text", ["", "x", "../../etc/passwd", "Europe", "UTC+1", "/etc/localtime", "Europe/Berlin\0"])
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        parse_zone(text)


def test_the_zone_that_was_meant_is_named() -> None:
    with pytest.raises(ValueError, match="did you mean America/New_York"):
        parse_zone("america/new york")


def test_an_unknown_interval_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="auto, 1m, 5m, 15m, 1h, 6h, 1d, 1w"):
        parse_interval("1y")

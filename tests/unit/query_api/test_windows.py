"""Windows: they cover the span whatever the counts say, and stay few."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from query_api.paging.windows import Month, Window, following, windows
from tests.unit.query_api.strategies import times_us

HOUR_US = 3_600_000_000


def _month(times: tuple[int, int], rows: int) -> Month:
    return Month(min(times), max(times), rows)


# Any counts at all: stale ones, overlapping ones, in no order.
months = st.builds(_month, st.tuples(times_us, times_us), st.integers(0, 10**12))
extents = st.lists(months, max_size=20)
bounds = st.none() | times_us


def _span(lower_us: int | None, upper_us: int | None) -> Window:
    if lower_us is None or upper_us is None:
        return Window(lower_us, upper_us)
    return Window(min(lower_us, upper_us), max(lower_us, upper_us) + 1)


spans = st.builds(_span, bounds, bounds)


def cut(
    span: Window, extent: list[Month], first_rows: int = 1000, growth: int = 8, *, oldest_first: bool = False
) -> list[Window]:
    cuts = windows(span, extent, first_rows=first_rows, growth=growth, oldest_first=oldest_first)
    return list(itertools.islice(cuts, 100))


@given(span=spans, extent=extents, first_rows=st.integers(1, 10**6), growth=st.integers(2, 100))
def test_the_windows_cover_the_span_without_gap_or_overlap(
    span: Window, extent: list[Month], first_rows: int, growth: int
) -> None:
    cuts = cut(span, extent, first_rows, growth)
    assert cuts[0].upper_us == span.upper_us
    assert cuts[-1].lower_us == span.lower_us
    for newer, older in itertools.pairwise(cuts):
        assert older.upper_us == newer.lower_us
        assert newer.lower_us is not None
        assert older.lower_us is None or older.lower_us < newer.lower_us


@given(span=spans, extent=extents, first_rows=st.integers(1, 10**6), growth=st.integers(2, 100))
def test_oldest_first_they_cover_the_span_too(span: Window, extent: list[Month], first_rows: int, growth: int) -> None:
    cuts = cut(span, extent, first_rows, growth, oldest_first=True)
    assert cuts[0].lower_us == span.lower_us
    assert cuts[-1].upper_us == span.upper_us
    for older, newer in itertools.pairwise(cuts):
        assert older.upper_us == newer.lower_us
        assert newer.upper_us is None or (newer.lower_us is not None and newer.lower_us < newer.upper_us)


@given(span=spans, extent=extents, oldest_first=st.booleans())
def test_the_windows_stay_few(span: Window, extent: list[Month], *, oldest_first: bool) -> None:
    rows = sum(month.rows for month in extent)
    assert len(cut(span, extent, oldest_first=oldest_first)) <= 3 + math.log(max(rows, 1), 8)


def test_a_small_table_is_read_at_once_however_far_apart_its_actions_are() -> None:
    year_2013 = Month(1_382_153_848_000_000, 1_382_153_848_000_000, 1)
    year_2018 = Month(1_539_920_250_000_000, 1_539_920_250_000_000, 2)
    assert cut(Window(None, None), [year_2018, year_2013]) == [Window(None, None)]


def test_an_empty_table_is_read_at_once() -> None:
    assert cut(Window(5, 10), []) == [Window(5, 10)]


def test_a_large_table_is_read_in_growing_stretches_cut_at_full_hours() -> None:
    month = Month(0, 1000 * HOUR_US - 1, 1_000_000)  # 1000 rows an hour
    cuts = cut(Window(None, None), [month], first_rows=10_000, growth=8)
    assert [window.lower_us for window in cuts] == [990 * HOUR_US, 910 * HOUR_US, 270 * HOUR_US, None]


def test_a_large_table_is_read_from_its_oldest_end_likewise() -> None:
    month = Month(0, 1000 * HOUR_US - 1, 1_000_000)
    cuts = cut(Window(None, None), [month], first_rows=10_000, growth=8, oldest_first=True)
    assert [window.upper_us for window in cuts] == [10 * HOUR_US, 90 * HOUR_US, 730 * HOUR_US, None]


@given(span=spans, extent=extents, factors=st.lists(st.floats(0, 1e6), min_size=1), oldest_first=st.booleans())
def test_they_cover_the_span_whatever_factors_are_sent(
    span: Window, extent: list[Month], factors: list[float], *, oldest_first: bool
) -> None:
    stretches = windows(span, extent, first_rows=1000, growth=8, oldest_first=oldest_first)
    cuts = [next(stretches)]
    for factor in itertools.islice(itertools.cycle(factors), 50):
        if (window := following(stretches, factor)) is None:
            break
        cuts.append(window)
    for one, other in itertools.pairwise(cuts):
        assert (one.upper_us == other.lower_us) if oldest_first else (one.lower_us == other.upper_us)
    if len(cuts) <= 50:
        ends = (cuts[0].lower_us, cuts[-1].upper_us) if oldest_first else (cuts[-1].lower_us, cuts[0].upper_us)
        assert ends == (span.lower_us, span.upper_us)


def test_a_stretch_is_as_much_larger_as_was_sent() -> None:
    month = Month(0, 1000 * HOUR_US - 1, 1_000_000)  # 1000 rows an hour
    stretches = windows(Window(None, None), [month], first_rows=10_000, growth=8)
    assert next(stretches).lower_us == 990 * HOUR_US
    assert following(stretches, 2.5) == Window(965 * HOUR_US, 990 * HOUR_US)
    assert following(stretches, 1.0) == Window(940 * HOUR_US, 965 * HOUR_US)


def test_the_first_stretch_begins_at_the_span_not_at_the_newest_row() -> None:
    month = Month(0, 1000 * HOUR_US - 1, 1_000_000)
    first = cut(Window(None, 500 * HOUR_US), [month], first_rows=10_000)[0]
    assert first == Window(490 * HOUR_US, 500 * HOUR_US)

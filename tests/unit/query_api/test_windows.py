"""Windows: they cover the span whatever the counts say, and stay few."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from query_api.windows import Month, Window, windows
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


def cut(span: Window, extent: list[Month], first_rows: int = 1000, growth: int = 8) -> list[Window]:
    return list(itertools.islice(windows(span, extent, first_rows=first_rows, growth=growth), 100))


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


@given(span=spans, extent=extents)
def test_the_windows_stay_few(span: Window, extent: list[Month]) -> None:
    rows = sum(month.rows for month in extent)
    assert len(cut(span, extent)) <= 3 + math.log(max(rows, 1), 8)


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


def test_the_first_stretch_begins_at_the_span_not_at_the_newest_row() -> None:
    month = Month(0, 1000 * HOUR_US - 1, 1_000_000)
    first = cut(Window(None, 500 * HOUR_US), [month], first_rows=10_000)[0]
    assert first == Window(490 * HOUR_US, 500 * HOUR_US)

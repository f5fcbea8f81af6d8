"""Percentiles are values that were measured; a spread holds its median."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quantiles import Spread, percentile

values = st.lists(st.floats(0, 1e6), min_size=1)


@given(values=values, percent=st.floats(0, 100))
def test_a_percentile_was_measured_and_at_least_that_share_is_not_above_it(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_percentiles_of_a_hundred_values_are_their_ranks() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (0, 1, 50, 99, 100)] == [1, 1, 50, 99, 100]


@given(values=values)
def test_a_spread_runs_from_the_least_over_the_median_to_the_most(values: list[float]) -> None:
    spread = Spread.of(values)
    assert min(values) == spread.least <= spread.median <= spread.most == max(values)


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])

"""How large a page's stretches become: by how dense the ones before were, and never many of them."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from query_api.paging.page import Sizes
from query_api.settings import Settings

SETTINGS = Settings(window_growth=8)


def test_the_next_stretch_is_large_enough_for_what_is_missing() -> None:
    sizes = Sizes(SETTINGS, few=True)
    assert sizes.factor(found=25, wanted=101) == 1.5 * 76 / 25


def test_where_nothing_was_found_it_grows_as_far_as_it_may() -> None:
    assert Sizes(SETTINGS, few=False).factor(found=0, wanted=101) == 8
    sizes = Sizes(SETTINGS, few=True)
    assert sizes.factor(found=0, wanted=101) == 64
    assert sizes.factor(found=100, wanted=101) < 64
    assert sizes.factor(found=100, wanted=101) == 64


@given(founds=st.lists(st.integers(0, 100), min_size=30, max_size=30).map(sorted), few=st.booleans())
def test_it_at_least_doubles_so_that_the_stretches_stay_few(founds: list[int], *, few: bool) -> None:
    sizes = Sizes(SETTINGS, few=few)
    size = list(itertools.accumulate((sizes.factor(found, 101) for found in founds), lambda last, by: last * by))
    assert size[-1] >= 2 ** (len(founds) - 1)

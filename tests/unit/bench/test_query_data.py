"""The set of actions that the query benchmark makes."""

import itertools

import pytest

from bench import query_data


@pytest.mark.parametrize("rows", [400, 2_000_000, 20_000_000, 100_000_000])
def test_the_blocks_make_every_row_once(rows: int) -> None:
    blocks = [*query_data.settled_blocks(rows), *query_data.recent_blocks(rows)]
    assert blocks[0][0] == 0
    for (first, count), (after, _) in itertools.pairwise(blocks):
        assert first + count == after
    assert sum(blocks[-1]) == rows


def test_the_newest_blocks_are_as_large_as_the_sink_cuts_them() -> None:
    assert {count for _, count in query_data.recent_blocks(20_000_000)} == {50_000}
    assert {count for _, count in query_data.recent_blocks(100_000_000)} == {50_000}


def test_another_schema_is_another_set() -> None:
    assert query_data.fingerprint("a") != query_data.fingerprint("b")

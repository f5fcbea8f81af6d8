"""Ids for actions that bring none."""

from uuid import RFC_4122, UUID

import pytest

from producer_api.new_ids import new_ids


@pytest.mark.parametrize("count", [0, 1, 2, 4_096, 4_097])
def test_as_many_ids_as_wanted_each_a_version_7(count: int) -> None:
    ids = [UUID(text) for text in new_ids(count)]
    assert len(ids) == count
    assert {(made.version, made.variant) for made in ids} <= {(7, RFC_4122)}


def test_ids_are_unique_and_ascend_within_a_request_and_from_one_to_the_next() -> None:
    ids = [made for _ in range(3_000) for made in new_ids(7)]
    assert ids == sorted(set(ids))

"""The paths of properties: each one that is listed is one that a filter finds."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contract.record import ActionRecord
from query_api.analytics.counts_groups import parse_groups
from query_api.browsing import fields
from query_api.browsing.fields import Seen, kind, paths, written
from query_api.filtering.filter_parameters import MAX_PATH, read_path
from query_api.filtering.filters import EVERYTHING, Filters, Operator, PropertyCondition
from query_api.filtering.matching import matches, read_document

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["a.b", "c,d", "\\", ".", ","])
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5) | st.floats(-1e9, 1e9)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3))
documents = st.dictionaries(names, values, max_size=4)


@given(documents)
def test_every_path_is_found_by_a_filter_and_taken_by_a_group(document: dict[str, Any]) -> None:
    properties = json.dumps(document).encode()
    now = datetime.now(UTC)
    record = ActionRecord("", "", "", "", now, 0, now, msgspec.Raw(properties))
    for path, _ in paths(read_document(properties)):
        name = written(path).removeprefix("properties.")
        assert read_path(name) == path
        assert [group.path for group in parse_groups(EVERYTHING, written(path))] == [path]
        exists = PropertyCondition(path, Operator.EXISTS, ("true",))
        assert matches(Filters(properties=(exists,)), record)


def test_paths_end_at_scalars_arrays_and_empty_objects() -> None:
    document = {"a": {"b": 1, "c": {}}, "d": [{"e": 1}], "f": None, "": 1, "g": {"": 1}}
    assert list(paths(document)) == [(("a", "b"), 1), (("a", "c"), {}), (("d",), [{"e": 1}]), (("f",), None)]


def test_a_path_that_no_filter_can_reach_is_left_out() -> None:
    deep: Any = 1
    for _ in range(MAX_PATH + 1):
        deep = {"a": deep}
    assert list(paths(deep)) == []
    assert len(list(paths(deep["a"]))) == 1


def test_kinds_are_those_of_json() -> None:
    named: dict[str, Any] = {"null": None, "boolean": True, "string": "", "number": 1.5, "array": [], "object": {}}
    assert {name: kind(value) for name, value in named.items()} == {name: name for name in named}


def test_examples_are_few_different_and_whole() -> None:
    seen = Seen()
    for value in (1, 1, True, None, [1], "x" * (fields.MAX_EXAMPLE_CHARS + 1), "x", 1.0, *range(100)):
        seen.note(value)
    assert list(seen.examples.values()) == [1, True, "x", 1.0, 0]
    assert [type(example) for example in seen.examples.values()] == [int, bool, str, float, int]
    assert seen.actions == 108
    assert seen.kinds == {"number", "boolean", "null", "array", "string"}

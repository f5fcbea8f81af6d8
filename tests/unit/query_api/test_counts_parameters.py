"""The parameters of GET /log/counts, /log/funnel and /log/retention: what they become, and what a key may not ask."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problem import Problem
from query_api.analytics import counts_parameters, counts_sql, funnel, funnel_sql, retention
from query_api.analytics.counts_groups import Group, parse_groups
from query_api.filtering.filters import EVERYTHING, Scope
from query_api.routes import counts_openapi, funnel_openapi, retention_openapi

NARROW = Scope(types=("VIEW",), hidden_properties=("email", "a,b"))


def counts(scope: Scope = EVERYTHING, **parameters: str) -> counts_parameters.CountsRequest:
    return counts_parameters.parse(urlencode(parameters).encode(), 1_000, scope)


def test_without_parameters_everything_is_counted() -> None:
    request = counts()
    assert (request.measures, request.groups, request.interval, request.limit) == (("count",), (), None, 10)


def test_lists_may_be_repeated_or_have_commas() -> None:
    query = b"groupBy=type,properties.a%5C%2Cb.c&groupBy=userId&groupBy=type&measure=p50,count&of=properties.n"
    request = counts_parameters.parse(query, 1_000)
    assert request.groups == (Group("type"), Group("properties.a\\,b.c", ("a,b", "c")), Group("userId"))
    assert request.measures == ("p50", "count")
    assert request.of == ("n",)


@pytest.mark.parametrize(
    "parameters",
    [
        {"groupBy": "properties.email"},
        {"groupBy": "type,properties.email.domain"},
        {"groupBy": "properties.a\\,b"},
        {"groupBy": "properties.\\email"},
        {"measure": "max", "of": "properties.email"},
        {"measure": "p99", "of": "properties.email.x"},
        {"properties.email": "x"},
    ],
)
def test_a_hidden_property_is_neither_grouped_nor_measured(parameters: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        counts(NARROW, **parameters)
    assert "may not see" in refused.value.detail


def test_a_keys_types_hold_beside_the_steps() -> None:
    request = funnel.parse(b"step=VIEW,BUY", NARROW)
    query = funnel_sql.query(request.filters, request.steps, request.within_us, "userId", None)
    assert "type = {type:String} AND type IN ({type:String}, {type_2:String})" in query.text
    assert query.parameters["type"] == "VIEW"


def test_retention_reads_only_the_types_it_is_about() -> None:
    assert retention.parse(b"start=A&return=B").filters.types == ("A", "B")
    assert retention.parse(b"start=A&return=A").filters.types == ("A",)
    assert retention.parse(b"start=A").filters.types == ()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), min_size=1, max_size=3, unique=True
    )
)
def test_any_name_of_a_property_can_be_written(names: list[str]) -> None:
    written = ",".join(
        "properties." + "".join(f"\\{char}" if char in "\\,." else char for char in name) for name in names
    )
    assert [group.path for group in parse_groups(EVERYTHING, written)] == [(name,) for name in names]


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(texts, texts, texts)
def test_no_text_of_a_request_is_in_the_sql(one: str, two: str, three: str) -> None:
    """Values of the request are only bound: the SQL is the same whatever they are."""
    built: list[Callable[[str, str, str], Any]] = [
        lambda a, b, c: (
            counts_sql.top_groups(
                counts_parameters.CountsRequest(
                    counts().filters, ("sum", "p50"), (a, b), a, (Group("x", (c,)), Group("type")), None
                ),
                None,
                exact=True,
            ).query
        ),
        lambda a, b, c: funnel_sql.query(counts().filters, (f"1{a}", f"2{b}", f"3{c}"), 5, "userId", None),
    ]
    for build in built:
        distinct = [f"1{one}", f"2{two}", f"3{three}"]
        assert build(*distinct).text == build("1x", "2y", "3z").text
        assert set(build(*distinct).parameters.values()) & {
            *distinct,
            *(f"{n}{text}" for n, text in enumerate(distinct, 1)),
        }


@pytest.mark.parametrize(
    ("names", "description", "refused"),
    [
        (counts_parameters.NAMES, counts_openapi.describe(1_000), set()),
        (funnel.NAMES, funnel_openapi.describe(), {"type", "type[ne]"}),
        (retention.NAMES, retention_openapi.describe(), {"type"}),
    ],
    ids=["counts", "funnel", "retention"],
)
def test_every_parameter_is_documented_and_every_example_is_of_the_schema(
    names: tuple[str, ...], description: dict[str, Any], refused: set[str]
) -> None:
    documented = {parameter["name"] for parameter in description["openapi_extra"]["parameters"]}
    assert documented - {"after", "Prefer"} == {*names, "properties.<path>"} - refused
    content = description["responses"][200]["content"]["application/json"]
    answer, _of_a_dry_run = content["schema"]["anyOf"]
    assert set(content["example"]) <= set(answer["properties"])
    assert set(content["example"]) >= set(answer["required"])

"""The query string of GET /log: what is accepted, and how each refusal reads."""

import time
import uuid
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.problem import Problem
from query_api.filtering.filters import Filters, Operator, PropertyCondition, Scope
from query_api.paging.cursor import Cursors, Order, Position
from query_api.paging.parameters import NAMES, Limits, PageRequest, parse
from tests.unit.query_api.strategies import positions

CURSORS = Cursors("")
REPEATABLE = {"userId", "sessionId", "type", "userId[ne]", "sessionId[ne]", "type[ne]"}
LIMITS = Limits(default=100, most=1000)


def request(query: str | bytes) -> PageRequest:
    return parse(query.encode() if isinstance(query, str) else query, LIMITS, CURSORS)


def refusal(query: str | bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        request(query)
    assert caught.value.status == 400
    return caught.value


def reasons(query: str) -> dict[str, str]:
    return {error["path"]: error["reason"] for error in refusal(query).errors}


def test_no_parameters_ask_for_the_newest_page_of_everything() -> None:
    assert request("") == PageRequest(Filters(), limit=100, position=None)


def test_every_filter_is_read() -> None:
    query = "userId=ABC&sessionId=S&type=CLICK&startTime=1970-01-01T00:00:01Z&endTime=1970-01-01T00:00:02Z&limit=7"
    assert request(query) == PageRequest(Filters(("ABC",), ("S",), ("CLICK",), 1_000_000, 2_000_000), limit=7)


def test_what_is_excluded_is_read() -> None:
    query = "type[ne]=VIEW&type%5Bne%5D=CLICK&userId[ne]=bot&sessionId[ne]=test"
    excluding = Filters(not_user_ids=("bot",), not_session_ids=("test",), not_types=("VIEW", "CLICK"))
    assert request(query).filters == excluding


@given(value=st.text(min_size=1, max_size=100))
def test_any_text_survives_the_query_string(value: str) -> None:
    try:
        query = urlencode({"userId": value})
    except UnicodeEncodeError:  # a lone surrogate is no UTF-8
        return
    assert request(query).filters.user_ids == (value,)


def test_unencoded_utf8_is_accepted_as_curl_sends_it() -> None:
    assert request("userId=émile".encode()).filters.user_ids == ("émile",)


@pytest.mark.parametrize("query", [b"userId=%FF", b"userId=\xff", b"%C3=1"])
def test_what_is_not_utf8_is_refused(query: bytes) -> None:
    assert "not UTF-8" in refusal(query).detail


@pytest.mark.parametrize(
    ("unknown", "known"),
    [("userid", "userId"), ("user_id", "userId"), ("Type", "type"), ("starttime", "startTime"), ("limits", "limit")],
)
def test_an_unknown_parameter_is_refused_with_the_one_that_was_meant(unknown: str, known: str) -> None:
    assert reasons(f"{unknown}=1") == {unknown: f"unknown parameter; did you mean {known}?"}


def test_an_unknown_parameter_like_none_of_ours_is_refused_with_all_of_ours() -> None:
    assert reasons("wibble=1") == {"wibble": f"unknown parameter; known are {', '.join(NAMES)}"}


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_value_is_refused_by_name(name: str) -> None:
    assert reasons(f"{name}=") == {name: "empty; leave the parameter out instead"}
    assert reasons(name) == {name: "empty; leave the parameter out instead"}


@pytest.mark.parametrize("name", sorted({*NAMES} - REPEATABLE - {"cursor"}))
def test_a_parameter_given_twice_is_refused_by_name(name: str) -> None:
    assert reasons(f"{name}=1&{name}=1&{name}=2") == {name: "given 3 times; give it once"}


@pytest.mark.parametrize("name", NAMES)
def test_an_oversized_value_is_refused_by_name(name: str) -> None:
    assert reasons(f"{name}={'x' * 1025}") == {name: "longer than 1024 characters"}


def test_too_many_parameters_are_refused() -> None:
    assert "more than 100" in refusal("&".join(f"a{n}=1" for n in range(101))).detail


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "1.5", "x", "1e2", " 7", "+7", "٣", "9" * 500])
def test_a_wrong_limit_is_refused(limit: str) -> None:
    assert reasons(urlencode({"limit": limit})) == {"limit": "not a whole number from 1 to 1000"}


@pytest.mark.parametrize("limit", [1, 1000])
def test_the_ends_of_the_limit_are_accepted(limit: int) -> None:
    assert request(f"limit={limit}").limit == limit


@pytest.mark.parametrize("name", ["startTime", "endTime"])
def test_a_time_without_an_offset_is_refused_by_name(name: str) -> None:
    assert "has no offset from UTC" in reasons(f"{name}=2013-01-01T00:00:00")[name]


@pytest.mark.parametrize(
    "text",
    [
        "2013",
        "2013-01-01",
        "yesterday",
        "1385000000",
        "2013-02-30T00:00:00Z",
        "2013-01-01T25:00:00Z",
        "-15",
        "-1y",
        "15m",
    ],
)
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    assert "no RFC 3339 time" in reasons(urlencode({"startTime": text}))["startTime"]


def test_a_plus_that_arrived_as_a_space_is_understood() -> None:
    encoded = request("startTime=2013-01-01T00:00:00%2B02:00")
    assert request("startTime=2013-01-01T00:00:00+02:00") == encoded
    assert encoded.filters.start_us == 1_356_991_200_000_000


@pytest.mark.parametrize("end", ["2013-01-01T00:00:00Z", "2012-12-31T23:59:59Z", "2013-01-01T01:00:00%2B02:00"])
def test_an_empty_or_reversed_range_is_refused(end: str) -> None:
    assert "not before endTime" in reasons(f"startTime=2013-01-01T00:00:00Z&endTime={end}")["startTime"]


def test_all_errors_are_listed_at_once() -> None:
    query = "userid=1&type=&startTime=x&endTime=2013-01-01T00:00:00&limit=0"
    problem = refusal(query)
    assert {error["path"] for error in problem.errors} == {"userid", "type", "startTime", "endTime", "limit"}
    assert all(f"{error['path']}: {error['reason']}" in problem.detail for error in problem.errors)


@given(position=positions)
def test_a_cursor_is_read_back_under_its_filters(position: Position) -> None:
    cursor = CURSORS.encode(position, Filters(user_ids=("a",)))
    assert request(f"userId=a&cursor={cursor}&limit=3").position == position
    assert "made for other filters" in reasons(f"userId=b&cursor={cursor}")["cursor"]
    assert "made for other filters" in reasons(f"cursor={cursor}")["cursor"]


def test_a_relative_start_that_has_passed_the_end_since_the_first_page_stays_where_it_was() -> None:
    """As of a reader that began at noon on January 1, 2020, and takes its time."""
    query, end_us = "startTime=-15m&endTime=2020-01-01T12:00:00Z", 1_577_880_000_000_000
    first = Filters(start_us=end_us - 900_000_000, end_us=end_us, relative=("-15m", ""))
    cursor = CURSORS.encode(Position(end_us - 1, uuid.UUID(int=1)), first)
    assert request(f"{query}&cursor={cursor}").filters == first
    assert "not before endTime" in reasons(query)["startTime"]
    assert "made for other filters" in reasons(f"{query}&userId=a&cursor={cursor}")["cursor"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "é", "=====", "null", "1 OR 1=1"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    assert "not a cursor of this service" in reasons(urlencode({"cursor": cursor}))["cursor"]


@pytest.mark.parametrize(("name", "field"), [("userId", "user_ids"), ("sessionId", "session_ids"), ("type", "types")])
def test_a_repeated_filter_asks_for_any_of_its_values(name: str, field: str) -> None:
    assert getattr(request(f"{name}=b&{name}=a&{name}=b").filters, field) == ("b", "a")


@pytest.mark.parametrize(
    ("text", "seconds"), [("-90s", 90), ("-15m", 900), ("-2h", 7200), ("-7d", 604_800), ("-1w", 604_800), ("now", 0)]
)
def test_a_relative_time_counts_from_now(text: str, seconds: int) -> None:
    before = time.time()
    filters = request(f"startTime={text}").filters
    assert filters.start_us is not None
    assert before - 1 <= filters.start_us / 1e6 + seconds <= time.time() + 1
    assert filters.relative == (text, "")


def test_a_relative_time_longer_than_actions_can_be_old_is_their_beginning() -> None:
    assert request("startTime=-999999999w").filters.start_us == 0


def test_a_range_may_end_relative_to_now() -> None:
    filters = request("startTime=-2h&endTime=-1h").filters
    assert filters.start_us is not None
    assert filters.end_us is not None
    assert filters.end_us - filters.start_us == 3_600_000_000
    assert "not before endTime" in reasons("startTime=-1h&endTime=-2h")["startTime"]


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("properties.a=1", PropertyCondition(("a",), Operator.EQ, ("1",))),
        ("properties.a.b=x&properties.a.b=y", PropertyCondition(("a", "b"), Operator.EQ, ("x", "y"))),
        (r"properties.a\.b=x", PropertyCondition(("a.b",), Operator.EQ, ("x",))),
        (r"properties.a\\.b=x", PropertyCondition(("a\\", "b"), Operator.EQ, ("x",))),
        ("properties.a[gte]=1.5", PropertyCondition(("a",), Operator.GTE, ("1.5",))),
        ("properties.a[exists]=false", PropertyCondition(("a",), Operator.EXISTS, ("false",))),
        ("properties.a=", PropertyCondition(("a",), Operator.EQ, ("",))),
    ],
)
def test_a_property_condition_is_read(query: str, condition: PropertyCondition) -> None:
    assert request(query).filters.properties == (condition,)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("properties.", "name a property"),
        ("properties.a.", "name a property"),
        ("properties..a", "name a property"),
        ("properties.a\\", "name a property"),
        ("properties.a[like]", "unknown operator [like]; known are [eq], [ne]"),
        ("properties." + ".".join("a" * 17), "deeper than 16"),
    ],
)
def test_a_wrong_property_is_refused_by_name(name: str, reason: str) -> None:
    assert reason in reasons(urlencode({name: "1"}))[name]


def test_a_property_whose_existence_is_neither_true_nor_false_is_refused() -> None:
    assert reasons("properties.a[exists]=1") == {"properties.a[exists]": "neither true nor false"}


def test_a_property_that_the_key_may_not_see_can_not_be_asked_for() -> None:
    with pytest.raises(Problem) as caught:
        parse(b"properties.email=x", LIMITS, CURSORS, Scope(hidden_properties=("email",)))
    assert "may not see" in caught.value.detail


def test_the_order_is_read_and_belongs_to_the_cursor() -> None:
    assert request("order=asc").order is Order.ASC
    assert reasons("order=up") == {"order": "neither asc nor desc"}

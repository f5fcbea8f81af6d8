"""Filters, typed into the line, shown as chips."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.explorer.sight import (
    ALL_TIME,
    add_filter,
    asked,
    by_type,
    chart,
    chips,
    expect_address,
    expect_total,
    filter_line,
    suggestions,
)
from tests.integration.query_api.actions import Stored, insert
from tests.namespace import Namespace


def _number(action: Stored, name: str) -> float | None:
    value = json.loads(action.properties).get(name)
    return value if isinstance(value, int | float) else None


_CASES: list[tuple[str, str, Callable[[Stored], bool]]] = [
    ("type=CLICK", "type is CLICK", lambda a: a.type == "CLICK"),
    ("type=CLICK|VIEW", "type is CLICK or VIEW", lambda a: a.type in {"CLICK", "VIEW"}),
    ("user!=ada", "userId is not ada", lambda a: a.user != "ada"),
    ("-type=VIEW", "type is not VIEW", lambda a: a.type != "VIEW"),
    ("locationX>700", "locationX > 700", lambda a: (_number(a, "locationX") or 0) > 700),
    ("properties.ms<=100", "ms ≤ 100", lambda a: (_number(a, "ms") or 1000) <= 100),
    ("text~shoes", "text contains shoes", lambda a: "shoes" in str(json.loads(a.properties).get("text"))),
    ("item.price exists", "item.price exists", lambda a: "item" in json.loads(a.properties)),
    ("page missing", "page is missing", lambda a: "page" not in json.loads(a.properties)),
]


@pytest.mark.parametrize(("typed", "shown", "meets"), _CASES, ids=[case[0] for case in _CASES])
def test_what_is_typed_becomes_a_chip_and_narrows(
    person: Page, shop: list[Stored], typed: str, shown: str, meets: Callable[[Stored], bool]
) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    add_filter(person, typed)
    expect(chips(person).get_by_role("button", name=shown, exact=True)).to_be_visible()
    expected = sum(map(meets, shop))
    assert 0 < expected < len(shop), "the shop has both"
    expect_total(person, expected)


def test_fields_and_values_are_suggested_with_their_counts(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.keyboard.press("/")
    person.keyboard.type("typ")
    person.keyboard.press("ArrowDown")
    expect(suggestions(person).get_by_role("option", selected=True)).to_contain_text("type")
    person.keyboard.press("Enter")
    expect(filter_line(person)).to_have_value("type=")
    search = suggestions(person).get_by_role("option", name=re.compile("^SEARCH"))
    expect(search).to_contain_text(f"{by_type(shop)['SEARCH']:,}")
    person.keyboard.type("sea")
    expect(suggestions(person).get_by_role("option")).to_have_count(1)
    person.keyboard.press("ArrowDown")
    person.keyboard.press("Enter")
    expect(chips(person)).to_contain_text("type is SEARCH")
    expect_total(person, by_type(shop)["SEARCH"])


def test_properties_are_suggested_with_an_example(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.keyboard.press("/")
    person.keyboard.type("cart")
    option = suggestions(person).get_by_role("option", name=re.compile(r"^cart\.total"))
    expect(option).to_contain_text("number")
    option.click()
    expect(filter_line(person)).to_have_value("cart.total=")
    expect(filter_line(person)).to_be_focused()


def test_a_second_value_joins_the_chip(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&type=CLICK")
    add_filter(person, "type=PURCHASE")
    expect(chips(person)).to_contain_text("type is CLICK or PURCHASE")
    types = by_type(shop)
    expect_total(person, types["CLICK"] + types["PURCHASE"])


def test_a_cross_removes_the_chip(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&type=CLICK&userId[ne]=ada")
    expect_total(person, sum(a.type == "CLICK" and a.user != "ada" for a in shop))
    person.get_by_role("button", name="Remove the filter type is CLICK").click()
    expect_total(person, sum(a.user != "ada" for a in shop))
    person.get_by_role("button", name="Remove the filter userId is not ada").click()
    expect_total(person, len(shop))
    expect(chips(person)).to_have_count(0)
    assert asked(person) == [("range", "all")]


def test_all_chips_go_at_once(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&type=CLICK&userId[ne]=ada")
    person.get_by_role("button", name="Remove all").click()
    expect_total(person, len(shop))


def test_a_chip_can_be_changed(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&type=CLICK")
    chips(person).get_by_role("button", name="type is CLICK", exact=True).click()
    expect(filter_line(person)).to_have_value("type=CLICK")
    filter_line(person).press("End")
    person.keyboard.type("|VIEW")
    person.keyboard.press("Enter")
    expect(chips(person)).to_contain_text("type is CLICK or VIEW")


_ODD_FILTERS = (
    "properties.user=zed",
    "properties.type=zed",
    "properties.properties.a=1",
    "properties.og:title=a&properties.og:title=b",
    "properties.a%3Db=1",
    "properties.-x=1",
    "properties.a b[exists]=true",
    "properties.a>b[exists]=false",
    "properties.text[contains]=already exists",
    "properties.text[contains]=a&properties.text[contains]=b",
    "properties.page=a|b&properties.page=c",
)


@pytest.mark.parametrize("query", _ODD_FILTERS)
def test_a_chip_taken_back_and_entered_unchanged_is_the_same(person: Page, shop: list[Stored], query: str) -> None:
    person.goto(f"{ALL_TIME}&{query}")
    before = asked(person)
    assert len(before) > 1
    chips(person).get_by_title("Change this filter").click()
    expect(filter_line(person)).to_be_focused()
    expect(chips(person)).to_have_count(0)
    person.keyboard.press("Enter")
    expect(chips(person)).to_have_count(1)
    assert asked(person) == before


def test_a_property_called_like_a_field_is_told_from_it(person: Page, shop: list[Stored], namespace: Namespace) -> None:
    properties = json.dumps({"user": "zed", "og:title": "socks"})
    insert(namespace, [Stored(uuid.uuid4(), "gil", "NAMED", datetime.now(UTC), "s", properties)])
    person.goto(f"{ALL_TIME}&type=NAMED")
    person.keyboard.press("/")
    person.keyboard.type("user")
    suggestions(person).get_by_role("option", name=re.compile(r"^properties\.user ")).click()
    person.keyboard.type("zed")
    person.keyboard.press("Enter")
    expect_address(person, **{"properties.user": "zed"})
    person.keyboard.type("title")
    suggestions(person).get_by_role("option", name=re.compile("^og:title ")).click()
    person.keyboard.type("socks")
    person.keyboard.press("Enter")
    expect_address(person, **{"properties.og:title": "socks"})
    expect_total(person, 1)


def test_a_value_is_added_to_one_with_a_stroke_in_it(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.keyboard.press("/")
    person.keyboard.type("page=a\\|b|sho")
    suggestions(person).get_by_role("option", name=re.compile("^shoes")).click()
    expect(chips(person)).to_contain_text("page is a|b or shoes")
    assert asked(person) == [("range", "all"), ("properties.page", "a|b"), ("properties.page", "shoes")]


def test_values_of_another_field_are_not_suggested_meanwhile(person: Page, shop: list[Stored]) -> None:
    held: list[Route] = []
    users = re.compile(r"/log/counts\?.*groupBy=userId")
    person.goto(ALL_TIME)
    person.route(users, lambda route: held.append(route))
    person.keyboard.press("/")
    person.keyboard.type("type=")
    expect(suggestions(person).get_by_role("option", name=re.compile("^CLICK"))).to_be_visible()
    with person.expect_request(users):
        filter_line(person).fill("user=")
    expect(suggestions(person)).to_have_count(0)
    held[0].continue_()
    expect(suggestions(person).get_by_role("option", name=re.compile("^ada"))).to_be_visible()


def test_enter_that_ends_a_word_of_an_input_method_makes_no_filter(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.keyboard.press("/")
    person.keyboard.type("page=ka")
    ending = {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True}
    filter_line(person).dispatch_event("keydown", ending)
    expect(filter_line(person)).to_have_value("page=ka")
    assert asked(person) == [("range", "all")]


def test_nonsense_is_told_in_a_sentence_and_changes_nothing(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    for typed, told in (
        ("type>5", "= and != only"),
        ("colour=", "value is missing"),
        ("what is this", "A field, a sign"),
    ):
        add_filter(person, typed)
        expect(person.get_by_role("alert")).to_contain_text(told)
        person.keyboard.press("Escape")
        person.keyboard.press("Escape")
    assert asked(person) == [("range", "all")]


def test_an_id_leads_to_its_action(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    add_filter(person, str(shop[0].id))
    expect(person.get_by_role("dialog", name="Where is my action?")).to_be_visible()
    expect_address(person, panel="place", find=str(shop[0].id))


def test_what_the_api_refuses_is_shown_with_its_reason(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&startTime=yesterday")
    expect(chart(person).get_by_role("alert")).to_contain_text("startTime")
    person.get_by_role("button", name="Time range").click()
    person.get_by_role("button", name="All time").click()
    expect_total(person, len(shop))
    expect(chart(person).get_by_role("alert")).to_have_count(0)

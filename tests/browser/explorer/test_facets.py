"""The facets: which values there are, and narrowing to them or leaving them out by a click."""

import json
import re
from collections import Counter

from playwright.sync_api import Locator, Page, expect

from tests.browser.explorer.sight import ALL_TIME, by_type, chips, expect_address, expect_total, facets
from tests.integration.query_api.actions import Stored


def _open(person: Page, field: str) -> Locator:
    head = facets(person).get_by_role("button", name=field, exact=True)
    if head.get_attribute("aria-expanded") == "false":
        head.click()
    return facets(person).get_by_role("list", name=f"Values of {field}")


def _value(values: Locator, name: str, count: int) -> Locator:
    return values.get_by_role("button", name=f"{name} {count:,}", exact=True)


def test_types_are_counted_at_once_and_other_fields_when_opened(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    types = facets(person).get_by_role("list", name="Values of type")
    for type_, count in by_type(shop).items():
        expect(_value(types, type_, count)).to_be_visible()
    users = _open(person, "userId")
    for user, count in Counter(action.user for action in shop).items():
        expect(_value(users, user, count)).to_be_visible()


def test_a_click_narrows_and_a_second_value_adds(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    counted = by_type(shop)
    types = _open(person, "type")
    _value(types, "CLICK", counted["CLICK"]).click()
    expect_total(person, counted["CLICK"])
    # The others keep their counts: they can still be chosen.
    _value(types, "SEARCH", counted["SEARCH"]).click()
    expect_total(person, counted["CLICK"] + counted["SEARCH"])
    expect(_value(types, "CLICK", counted["CLICK"])).to_have_attribute("aria-pressed", "true")
    _value(types, "CLICK", counted["CLICK"]).click()
    expect_total(person, counted["SEARCH"])


def test_a_value_can_be_left_out(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    types = _open(person, "type")
    types.get_by_role("button", name="Exclude VIEW").click()
    expect_address(person, type__="VIEW")
    expect(chips(person)).to_contain_text("type is not VIEW")
    expect_total(person, len(shop) - by_type(shop)["VIEW"])
    expect(types.get_by_role("button", name=re.compile("^VIEW"))).to_have_count(0)


def test_other_filters_hold_in_them(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&userId=ada")
    types = _open(person, "type")
    for type_, count in by_type(action for action in shop if action.user == "ada").items():
        expect(_value(types, type_, count)).to_be_visible()


def test_properties_are_facets(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&type=VIEW")
    pages = Counter(json.loads(action.properties)["page"] for action in shop if action.type == "VIEW")
    values = _open(person, "page")
    _value(values, "shoes", pages["shoes"]).click()
    expect(chips(person)).to_contain_text("page is shoes")
    expect_total(person, pages["shoes"])


def test_actions_without_the_property_can_be_chosen_too(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    without = sum("page" not in json.loads(action.properties) for action in shop)
    values = _open(person, "page")
    _value(values, "(none)", without).click()
    expect(chips(person)).to_contain_text("page is missing")
    expect_total(person, without)


def test_there_are_more_than_a_few(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    values = _open(person, "sessionId")
    expect(values.get_by_role("listitem")).to_have_count(8)
    facets(person).get_by_role("button", name="More").click()
    expect(values.get_by_role("listitem")).to_have_count(50)


def test_a_chosen_value_stays_in_sight_when_others_are_more_frequent(person: Page, shop: list[Stored]) -> None:
    rarest = Counter(action.session for action in shop).most_common()[-1][0]
    person.goto(f"{ALL_TIME}&sessionId={rarest}")
    values = _open(person, "sessionId")
    expect(values.get_by_role("button", name=rarest, exact=True)).to_have_attribute("aria-pressed", "true")
    values.get_by_role("button", name=rarest, exact=True).click()
    expect_total(person, len(shop))


def test_which_are_open_is_remembered(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    _open(person, "userId")
    person.reload()
    expect(facets(person).get_by_role("list", name="Values of userId")).to_be_visible()


def test_a_key_hides_and_shows_them(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect(facets(person)).to_be_visible()
    person.keyboard.press("f")
    expect(facets(person)).to_have_count(0)
    person.get_by_role("button", name="Facets").click()
    expect(facets(person)).to_be_visible()

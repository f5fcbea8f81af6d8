"""Every view is an address: reload, back, forward, and give it to somebody else."""

from playwright.sync_api import Page, expect

from tests.browser.explorer.sight import (
    ALL_TIME,
    add_filter,
    asked,
    by_type,
    chips,
    expect_address,
    expect_total,
    facets,
    legend,
)
from tests.integration.query_api.actions import Stored


def test_a_reload_shows_the_same(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    add_filter(person, "type=CLICK")
    add_filter(person, "user!=ada")
    person.get_by_label("Stack by").select_option("userId")
    expected = sum(action.type == "CLICK" and action.user != "ada" for action in shop)
    expect_total(person, expected)
    address = person.url
    person.reload()
    assert person.url == address
    expect_total(person, expected)
    expect(chips(person)).to_contain_text("type is CLICK")
    expect(chips(person)).to_contain_text("userId is not ada")
    expect(person.get_by_label("Stack by")).to_have_value("userId")
    expect(legend(person)).to_contain_text("bob")


def test_the_back_button_undoes_each_step(person: Page, shop: list[Stored]) -> None:
    counted = by_type(shop)
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    add_filter(person, "type=CLICK")
    expect_total(person, counted["CLICK"])
    add_filter(person, "type=VIEW")
    expect_total(person, counted["CLICK"] + counted["VIEW"])
    person.go_back()
    expect_total(person, counted["CLICK"])
    person.go_back()
    expect_total(person, len(shop))
    expect(chips(person)).to_have_count(0)
    person.go_forward()
    expect_total(person, counted["CLICK"])
    expect(chips(person)).to_contain_text("type is CLICK")


def test_the_back_button_closes_a_panel(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.keyboard.press("?")
    expect(person.get_by_role("dialog", name="Keyboard")).to_be_visible()
    person.go_back()
    expect(person.get_by_role("dialog")).to_have_count(0)


def test_an_address_reads_like_the_api(person: Page, shop: list[Stored]) -> None:
    """Somebody who knows GET /log can write one by hand; each kind of filter survives the way in and out."""
    query = "range=all&type=CLICK&userId[ne]=ada&properties.locationX[gte]=100&properties.a\\.b[exists]=false"
    person.goto(f"/?{query}")
    for words in ("type is CLICK", "userId is not ada", "locationX ≥ 100", "a\\.b is missing"):
        expect(chips(person).get_by_role("button", name=words, exact=True)).to_be_visible()
    before = asked(person)
    person.get_by_label("Stack by").select_option("userId")
    expect_address(person, group="userId")
    assert sorted(asked(person)) == sorted([*before, ("group", "userId")])


def test_odd_values_survive_the_address(person: Page, shop: list[Stored]) -> None:
    value = "a&b=c #%+ é\"<b>'|\\"
    person.goto(ALL_TIME)
    add_filter(person, "page=" + value.replace("|", "\\|"))
    expect_address(person, **{"properties.page": value})
    person.reload()
    expect(chips(person)).to_contain_text(f"page is {value}")


def test_what_an_address_does_not_mean_is_left_out(person: Page, shop: list[Stored]) -> None:
    person.goto("/?range=all&group=nonsense&interval=7y&panel=secret&order=sideways&utm_source=mail")
    expect_total(person, len(shop))
    expect(person.get_by_role("dialog")).to_have_count(0)
    expect(person.get_by_label("Stack by")).to_have_value("type")


def test_the_name_of_the_page_leads_to_the_first_view(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&type=CLICK")
    person.get_by_role("link", name="Actionlog").click()
    expect(person.get_by_role("button", name="Time range")).to_contain_text("Last 24 hours")
    assert asked(person) == []
    expect(facets(person)).to_be_visible()

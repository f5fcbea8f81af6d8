"""The chart: its figures are the table's, and a range is chosen by dragging over it."""

import re
import uuid
from collections import Counter
from dataclasses import replace
from datetime import datetime

from playwright.sync_api import Page, Route, expect

from tests.browser.explorer.sight import (
    ALL_TIME,
    asked,
    by_type,
    chart,
    chips,
    expect_address,
    expect_total,
    legend,
    plot,
    seen_total,
)
from tests.integration.query_api.actions import Stored, insert
from tests.namespace import Namespace


def _drag(person: Page, first: float, second: float) -> None:
    """From one place of the plot to another, in shares of its width."""
    expect(chart(person)).to_have_attribute("aria-busy", "false")
    box = plot(person).bounding_box()
    assert box
    height = box["y"] + 60
    person.mouse.move(box["x"] + box["width"] * first, height)
    person.mouse.down()
    person.mouse.move(box["x"] + box["width"] * (first + second) / 2, height, steps=4)
    person.mouse.move(box["x"] + box["width"] * second, height, steps=4)
    person.mouse.up()


def _chosen(person: Page) -> tuple[datetime, datetime]:
    person.wait_for_url(re.compile("endTime="))
    view = dict(asked(person))
    return datetime.fromisoformat(view["startTime"]), datetime.fromisoformat(view["endTime"])


def _within(shop: list[Stored], begin: datetime, end: datetime) -> list[Stored]:
    return [action for action in shop if begin <= action.time < end]


def test_it_counts_what_there_is_by_type(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    for type_, count in by_type(shop).items():
        expect(legend(person).get_by_role("button", name=f"{type_} {count:,}", exact=True)).to_be_visible()


def test_dragging_over_it_shows_that_time(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    _drag(person, 0.3, 0.6)
    begin, end = _chosen(person)
    inside = _within(shop, begin, end)
    assert 0 < len(inside) < len(shop)
    expect_total(person, len(inside))


def test_dragging_backwards_is_as_good_and_zooms_further(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    _drag(person, 0.7, 0.3)
    first = _chosen(person)
    expect_total(person, len(_within(shop, *first)))
    _drag(person, 0.8, 0.4)
    person.wait_for_url(lambda url: f"startTime={first[0]:%Y-%m-%dT%H:%M:%SZ}" not in url)
    second = _chosen(person)
    assert first[0] <= second[0] < second[1] <= first[1]
    expect_total(person, len(_within(shop, *second)))


def test_a_click_shows_one_bar(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&interval=6h&zone=utc")
    expect_total(person, len(shop))
    _drag(person, 0.5, 0.5)
    begin, end = _chosen(person)
    assert (end - begin).total_seconds() == 6 * 3600


def test_pointing_at_a_bar_tells_its_figures(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&interval=1w&zone=utc")
    expect_total(person, len(shop))
    box = plot(person).bounding_box()
    assert box
    person.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60)
    tip = plot(person).get_by_role("status")
    expect(tip).to_contain_text("actions")
    weeks = Counter(action.time.isocalendar()[:2] for action in shop)
    assert int(tip.locator("b").inner_text().replace(",", "")) in weeks.values()
    person.mouse.move(10, 10)
    expect(tip).to_have_count(0)


def test_the_keyboard_chooses_a_time_too(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&interval=1h&zone=utc")
    expect_total(person, len(shop))
    plot(person).focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"):
        person.keyboard.press(key)
    expect(plot(person).get_by_role("status")).to_be_visible()
    person.keyboard.press("Enter")
    begin, end = _chosen(person)
    assert (end - begin).total_seconds() == 3 * 3600
    expect_total(person, len(_within(shop, begin, end)))


def test_escape_lets_go_of_what_was_pointed_at(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    plot(person).focus()
    person.keyboard.press("ArrowRight")
    expect(plot(person).get_by_role("status")).to_be_visible()
    person.keyboard.press("Escape")
    expect(plot(person).get_by_role("status")).to_have_count(0)
    assert asked(person) == [("range", "all")]


def test_the_legend_narrows_to_a_value(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    legend(person).get_by_role("button", name=re.compile("^SEARCH")).click()
    expect_address(person, type="SEARCH")
    expect(chips(person)).to_contain_text("type is SEARCH")
    expect_total(person, by_type(shop)["SEARCH"])


def test_a_legend_of_before_narrows_by_its_own_field(person: Page, shop: list[Stored]) -> None:
    held: list[Route] = []
    person.goto(ALL_TIME)
    expect(legend(person).get_by_role("button", name=re.compile("^SEARCH"))).to_be_visible()
    person.route(re.compile(r"/log/counts\?.*interval=.*groupBy=userId"), lambda route: held.append(route))
    person.get_by_label("Stack by").select_option("userId")
    legend(person).get_by_role("button", name=re.compile("^SEARCH")).click()
    expect(chips(person)).to_contain_text("type is SEARCH")


def test_it_stacks_by_any_field(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.get_by_label("Stack by").select_option("userId")
    expect_address(person, group="userId")
    for user, count in Counter(action.user for action in shop).items():
        expect(legend(person).get_by_role("button", name=f"{user} {count:,}", exact=True)).to_be_visible()
    person.get_by_label("Stack by").select_option("properties.page")
    expect_address(person, group="properties.page")
    expect(legend(person).get_by_role("button", name=re.compile("^shoes"))).to_be_visible()
    expect(legend(person).get_by_role("button", name=re.compile(r"^\(none\)"))).to_be_visible()


def test_more_values_than_colours_are_the_others(person: Page, shop: list[Stored]) -> None:
    person.goto(f"{ALL_TIME}&group=sessionId")
    others = legend(person).get_by_role("button", name=re.compile("^others"))
    expect(others).to_be_visible()
    expect(others).to_be_disabled()
    assert legend(person).get_by_role("button").count() == 7


def test_an_empty_time_says_so(person: Page, shop: list[Stored]) -> None:
    person.goto("/?startTime=2001-01-01T00:00:00Z&endTime=2001-01-02T00:00:00Z")
    expect(chart(person).get_by_text("No actions in this time")).to_be_visible()
    assert seen_total(person) == 0


def test_it_goes_on_while_the_view_is_live(person: Page, shop: list[Stored], namespace: Namespace) -> None:
    person.goto(f"{ALL_TIME}&live=true")
    expect_total(person, len(shop))
    insert(namespace, [replace(shop[0], id=uuid.uuid4())])
    expect_total(person, len(shop) + 1, timeout_ms=90_000)  # the slower an answer, the rarer it asks


def test_after_having_been_live_it_can_be_cancelled(person: Page, shop: list[Stored]) -> None:
    counts = re.compile(r"/log/counts\?.*interval=")
    held: list[Route] = []
    person.goto(f"{ALL_TIME}&live=true")
    expect_total(person, len(shop))
    with person.expect_response(counts):  # a beat of its own
        pass
    person.get_by_role("button", name="Stop").click()
    expect(person.get_by_role("progressbar")).to_have_count(0)
    person.route(counts, lambda route: held.append(route))
    with person.expect_request(counts):
        person.keyboard.press("r")
    person.keyboard.press("Escape")
    expect(chart(person)).to_contain_text("Cancelled")


def test_an_answer_that_is_none_is_told_and_asked_again(person: Page, shop: list[Stored]) -> None:
    counts = re.compile(r"/log/counts\?.*interval=")
    person.route(counts, lambda route: route.fulfill(content_type="application/json", body='{"total": {"cou'))
    person.goto(ALL_TIME)
    problem = chart(person).get_by_role("alert")
    expect(problem).to_contain_text("broke off")
    person.unroute(counts)
    problem.get_by_role("button", name="Try again").click()
    expect_total(person, len(shop))

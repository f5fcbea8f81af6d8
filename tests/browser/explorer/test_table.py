"""The table: reads on as somebody scrolls, follows the keyboard, and says what is wrong."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from playwright.sync_api import Page, expect

from tests.browser.explorer.grid import line, lines, scroll, scroll_to_the_end
from tests.integration.query_api.actions import Stored, insert, newest_first
from tests.namespace import Namespace
from tests.services import Service

MANY: Final = 7_000  # more than the page keeps in memory
NOON: Final = datetime(2024, 3, 1, 12, tzinfo=UTC)
THAT_DAY: Final = "/?startTime=2024-03-01T00:00:00Z&endTime=2024-03-02T00:00:00Z"


def many(namespace: Namespace) -> list[Stored]:
    """On a day of their own, oldest last."""
    made = [
        Stored(uuid.uuid4(), f"user{number}", "VIEW", NOON + timedelta(milliseconds=7 * number))
        for number in range(MANY)
    ]
    insert(namespace, made)
    return newest_first(made)


def test_it_shows_the_newest_first_and_all_of_them_to_who_scrolls(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    expect(line(person, 0)).to_contain_text(shop[0].type)
    expect(line(person, 0)).to_contain_text(shop[0].session)
    expect(line(person, 5)).to_contain_text(shop[5].session)
    scroll_to_the_end(person)
    expect(person.get_by_text(f"{len(shop)} actions; this is the oldest.")).to_be_visible()
    expect(line(person, len(shop) - 1)).to_contain_text(shop[-1].session)


def test_it_holds_no_more_than_it_shows_and_reads_again_what_it_let_go(
    person: Page, shop: list[Stored], namespace: Namespace
) -> None:
    made = many(namespace)
    person.goto(THAT_DAY)
    expect(line(person, 0)).to_contain_text(made[0].user)
    scroll_to_the_end(person)
    expect(line(person, MANY - 1)).to_contain_text(made[-1].user)
    assert lines(person).count() < 100
    with person.expect_request(re.compile(r"/log\?.*limit=")):  # the first page is no longer there
        scroll(person, -1_000_000)
    expect(line(person, 0)).to_contain_text(made[0].user)
    expect(line(person, 3)).to_contain_text(made[3].user)


def test_the_keyboard_moves_opens_and_closes(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    expect(line(person, 0)).to_be_visible()
    for key in ("j", "j", "j", "k"):
        person.keyboard.press(key)
    expect(line(person, 1)).to_have_attribute("aria-selected", "true")
    expect(lines(person).and_(person.locator("[aria-selected=true]"))).to_have_count(1)
    person.keyboard.press("Enter")
    aside = person.get_by_role("complementary", name="Action")
    expect(aside).to_contain_text(str(shop[1].id))
    person.keyboard.press("j")
    expect(aside).to_contain_text(str(shop[2].id))
    person.keyboard.press("Escape")
    expect(aside).to_be_hidden()
    expect(line(person, 2)).to_have_attribute("aria-selected", "true")


def test_the_keyboard_opens_the_marked_action_after_a_dialog_was_closed(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    expect(line(person, 0)).to_be_visible()
    person.get_by_role("button", name="Code").click()
    expect(person.get_by_role("dialog")).to_be_visible()
    for key in ("Escape", "j", "j", "Enter"):
        person.keyboard.press(key)
    expect(line(person, 1)).to_have_attribute("aria-selected", "true")
    expect(person).to_have_url(re.compile(str(shop[1].id)))


def test_the_keyboard_takes_the_table_along(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    expect(line(person, 0)).to_be_visible()
    for _ in range(40):
        person.keyboard.press("j")
    expect(line(person, 39)).to_be_in_viewport(ratio=1)
    expect(line(person, 39)).to_have_attribute("aria-selected", "true")


def test_oldest_first_and_back(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    expect(line(person, 0)).to_contain_text(shop[0].session)
    person.get_by_role("columnheader", name="Time").get_by_role("button").click()
    expect(line(person, 0)).to_contain_text(shop[-1].session)
    expect(person).to_have_url(re.compile(r"\?order=asc$"))
    person.go_back()
    expect(line(person, 0)).to_contain_text(shop[0].session)


def test_where_nothing_is_it_says_so_and_offers_a_way_out(person: Page, shop: list[Stored]) -> None:
    person.goto("/?userId=nobody")
    expect(person.get_by_text("No action meets this.")).to_be_visible()
    person.get_by_role("button", name="Remove the filters").click()
    expect(line(person, 0)).to_contain_text(shop[0].session)


def test_a_service_that_is_gone_is_told_and_reading_goes_on_when_it_is_back(
    person: Page, shop: list[Stored], query_api: Service
) -> None:
    person.goto("/")
    expect(line(person, 0)).to_be_visible()
    query_api.kill()
    scroll(person, 1_000_000)
    grid_problem = person.get_by_role("alert").filter(has_text="does not answer").last
    expect(grid_problem).to_be_visible()
    query_api.start()
    grid_problem.get_by_role("button", name="Try again").click()
    scroll_to_the_end(person)
    expect(line(person, len(shop) - 1)).to_contain_text(shop[-1].session)


def test_escape_cancels_what_takes_long_and_reading_can_go_on(
    person: Page, shop: list[Stored], query_api: Service
) -> None:
    person.goto("/")
    expect(line(person, 0)).to_be_visible()
    query_api.pause()
    with person.expect_request(re.compile(r"/log\?.*order=asc")):  # until then there is nothing to cancel
        person.get_by_role("columnheader", name="Time").get_by_role("button").click()
    expect(person.locator(".scroller[data-stale=true]")).to_be_visible()
    person.keyboard.press("Escape")
    expect(person.get_by_role("main").get_by_text("Cancelled.").last).to_be_visible()
    query_api.resume()
    person.get_by_role("button", name="Read on").click()
    expect(line(person, 0)).to_contain_text(shop[-1].session)

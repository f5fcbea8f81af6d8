"""The time range, as a person chooses it."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.browser.explorer.sight import ALL_TIME, asked, expect_address, expect_total, seen_total
from tests.integration.query_api.actions import Stored


def _open(person: Page) -> None:
    person.get_by_role("button", name="Time range").click()
    # As soon as it has the focus it hears clicks elsewhere.
    expect(person.get_by_role("dialog", name="Time range").locator(":focus")).to_be_visible()


def _since(shop: list[Stored], moment: datetime) -> int:
    return sum(action.time >= moment for action in shop)


def test_at_first_the_last_day_is_shown(person: Page, shop: list[Stored]) -> None:
    begun = datetime.now(UTC)
    person.goto("/")
    seen = seen_total(person)
    assert _since(shop, datetime.now(UTC) - timedelta(days=1)) <= seen <= _since(shop, begun - timedelta(days=1))
    expect(person.get_by_role("button", name="Time range")).to_contain_text("Last 24 hours")


def test_a_usual_range_is_two_clicks_away(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    begun = datetime.now(UTC)
    _open(person)
    with person.expect_response(re.compile(r"/log/counts\?.*startTime=-6h.*interval=")):  # not the figure of all time
        person.get_by_role("button", name="Last 6 hours").click()
    expect_address(person, startTime="-6h")
    expect(person.get_by_role("button", name="Time range")).to_contain_text("Last 6 hours")
    seen = seen_total(person)
    assert _since(shop, datetime.now(UTC) - timedelta(hours=6)) <= seen <= _since(shop, begun - timedelta(hours=6))


def test_any_length_can_be_typed_and_nonsense_is_told(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    person.keyboard.press("t")
    length = person.get_by_label("Last", exact=True)
    length.fill("soon")
    length.press("Enter")
    expect(person.get_by_role("alert")).to_contain_text("45m")
    length.fill("90m")
    length.press("Enter")
    expect_address(person, startTime="-90m")
    expect(person.get_by_role("dialog")).to_have_count(0)
    expect(person.get_by_role("button", name="Time range")).to_contain_text("Last 90 minutes")


def test_two_moments_can_be_given_in_the_shown_zone(person: Page, shop: list[Stored]) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = (datetime.now(berlin) - timedelta(hours=20)).replace(minute=0, second=0, microsecond=0)
    second = first + timedelta(hours=9)
    person.goto(ALL_TIME)
    _open(person)
    person.get_by_label("From", exact=True).fill(f"{first:%Y-%m-%dT%H:%M:%S}")
    person.get_by_label("Until", exact=True).fill(f"{second:%Y-%m-%dT%H:%M:%S}")
    person.get_by_role("button", name="Show this time").click()
    expect_address(person, startTime=f"{first.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    expect_total(person, sum(first <= action.time < second for action in shop))


def test_moments_in_the_wrong_order_are_told_and_change_nothing(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    _open(person)
    person.get_by_label("From", exact=True).fill("2026-01-02T00:00:00")
    person.get_by_label("Until", exact=True).fill("2026-01-01T00:00:00")
    person.get_by_role("button", name="Show this time").click()
    expect(person.get_by_role("alert")).to_contain_text("before")
    assert asked(person) == [("range", "all")]


def test_earlier_and_later_move_by_one_length(person: Page, shop: list[Stored]) -> None:
    person.goto("/?startTime=2026-03-01T10:00:00Z&endTime=2026-03-01T12:00:00Z")
    person.get_by_role("button", name="Earlier").click()
    expect_address(person, startTime="2026-03-01T08:00:00Z", endTime="2026-03-01T10:00:00Z")
    person.get_by_role("button", name="Later").click()
    person.keyboard.press("]")
    expect_address(person, startTime="2026-03-01T12:00:00Z", endTime="2026-03-01T14:00:00Z")


def test_what_goes_on_as_time_does_has_no_later(person: Page, shop: list[Stored]) -> None:
    for query in ("startTime=-6h", "startTime=2026-01-01T00:00:00Z"):
        person.goto(f"/?{query}")
        before = asked(person)
        expect(person.get_by_role("button", name="Later")).to_be_disabled()
        person.keyboard.press("]")
        person.keyboard.press("?")
        expect(person.get_by_role("dialog", name="Keyboard")).to_be_visible()
        assert asked(person) == [*before, ("panel", "keys")]


def test_zooming_out_doubles_the_range_around_its_middle(person: Page, shop: list[Stored]) -> None:
    person.goto("/?startTime=2026-03-01T10:00:00Z&endTime=2026-03-01T12:00:00Z")
    person.get_by_role("button", name="Zoom out").click()
    expect_address(person, startTime="2026-03-01T09:00:00Z", endTime="2026-03-01T13:00:00Z")


def test_the_zone_of_all_times_can_be_utc(person: Page, shop: list[Stored]) -> None:
    person.goto("/?startTime=2026-03-01T10:00:00Z&endTime=2026-03-01T12:00:00Z")
    button = person.get_by_role("button", name="Time range")
    expect(button).to_contain_text(re.compile("2026-03-01 11:00 . 13:00"))
    _open(person)
    person.get_by_role("button", name="UTC").click()
    expect(button).to_contain_text(re.compile("2026-03-01 10:00 . 12:00"))
    expect_address(person, zone="utc")


def test_escape_and_a_click_elsewhere_close_the_box(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    _open(person)
    person.keyboard.press("Escape")
    expect(person.get_by_role("dialog")).to_have_count(0)
    expect(person.get_by_role("button", name="Time range")).to_be_focused()
    _open(person)
    person.mouse.click(1000, 75)  # beside the chart's figure
    expect(person.get_by_role("dialog")).to_have_count(0)

"""The explorer for everybody: by keyboard, in both themes, on a phone, with a key, when something is slow or away."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.build import EXPLORER
from tests.browser.explorer.grid import line
from tests.browser.explorer.sight import (
    ALL_TIME,
    add_filter,
    by_type,
    chart,
    chips,
    expect_address,
    expect_total,
    facets,
    filter_line,
    plot,
)
from tests.integration.query_api.actions import Stored
from tests.integration.query_api.keyed import KeyRing
from tests.services import Service
from tests.stack import StartService

_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_CHARTS: Final = "**/log/counts?*interval=*"
_PRESS_WITHIN_A_FRAME: Final = """async (keys) => {
  for (const key of keys) {
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    for (let turn = 0; turn < 5; turn += 1) await null;  // what the key leads to is drawn
  }
}"""
_PHONE: Final = {"width": 390, "height": 844}


def _axe(page: Page) -> list[str]:
    """What axe finds wrong: the rule, and where."""
    page.evaluate((EXPLORER.folder / "node_modules" / "axe-core" / "axe.min.js").read_text())
    report: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", _RULES)
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in report["violations"]
        for node in found["nodes"]
    ]


def _rows(page: Page) -> None:
    """Until chart and table have their answers."""
    expect(chart(page)).to_have_attribute("aria-busy", "false")
    expect(page.get_by_role("progressbar")).to_have_count(0)


_VIEWS: Final = {
    "first": ALL_TIME,
    "filters": f"{ALL_TIME}&type=CLICK&type=VIEW&userId[ne]=ada",
    "nothing": "/?startTime=2001-01-01T00:00:00Z&endTime=2001-01-02T00:00:00Z",
    "refused": "/?startTime=yesterday",
    "place": f"{ALL_TIME}&panel=place",
    "letters": f"{ALL_TIME}&panel=letters",
    "code": f"{ALL_TIME}&panel=code",
    "keys": f"{ALL_TIME}&panel=keys",
    "live": f"{ALL_TIME}&live=true",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(person: Page, shop: list[Stored], theme: str) -> None:
    person.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    views = {**_VIEWS, "row": f"{ALL_TIME}&row={shop[0].id}"}
    wrong = []
    for name, address in views.items():
        person.goto(address)
        _rows(person)
        wrong += [f"{name}: {found}" for found in _axe(person)]
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens(person: Page, shop: list[Stored], theme: str) -> None:
    person.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    person.goto(ALL_TIME)
    _rows(person)
    person.keyboard.press("t")
    expect(person.get_by_role("dialog", name="Time range")).to_be_visible()
    wrong = _axe(person)
    person.keyboard.press("Escape")
    person.keyboard.press("/")
    person.keyboard.type("type=")
    expect(person.get_by_role("option", name=re.compile("^CLICK"))).to_be_visible()
    person.keyboard.press("ArrowDown")
    wrong += _axe(person)
    person.keyboard.press("Escape")
    plot(person).focus()
    person.keyboard.press("ArrowRight")
    expect(plot(person).get_by_role("status")).to_be_visible()
    wrong += _axe(person)
    assert "\n".join(wrong) == ""


def test_axe_finds_nothing_on_a_phone_and_nothing_is_cut_off(person: Page, shop: list[Stored]) -> None:
    person.set_viewport_size({"width": _PHONE["width"], "height": _PHONE["height"]})
    person.emulate_media(reduced_motion="reduce")
    wrong = []
    for name, address in {**_VIEWS, "row": f"{ALL_TIME}&row={shop[0].id}"}.items():
        person.goto(address)
        _rows(person)
        wrong += [f"{name}: {found}" for found in _axe(person)]
        if person.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name}: wider than the phone")
    assert "\n".join(wrong) == ""


def test_a_phone_shows_facets_over_the_rest_when_asked(person: Page, shop: list[Stored]) -> None:
    person.set_viewport_size({"width": _PHONE["width"], "height": _PHONE["height"]})
    person.goto(ALL_TIME)
    expect(facets(person)).to_have_count(0)
    person.get_by_role("button", name="Facets").click()
    facets(person).get_by_role("button", name=re.compile("^SEARCH")).click()
    expect_total(person, by_type(shop)["SEARCH"])
    person.keyboard.press("Escape")
    expect(facets(person)).to_have_count(0)
    expect(chips(person)).to_contain_text("type is SEARCH")


def test_everything_can_be_reached_by_the_tab_key(person: Page, shop: list[Stored]) -> None:
    person.goto("/?type=CLICK")
    _rows(person)
    reached = set()
    for _ in range(80):
        person.keyboard.press("Tab")
        name = person.evaluate(
            "() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
        )
        reached.add(str(name).strip())
        if "Facets" in reached:
            break
    wanted = ("Actionlog", "Earlier", "Refresh", "Add a filter", "Live", "Dead letters", "Keyboard", "Exclude CLICK")
    assert [one for one in wanted if not any(one in name for name in reached)] == []


def test_the_keyboard_alone_is_enough(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    add_filter(person, "type=CLICK")
    person.keyboard.press("Escape")
    expect(filter_line(person)).not_to_be_focused()
    expect_total(person, by_type(shop)["CLICK"])
    person.keyboard.press("?")
    expect(person.get_by_role("dialog", name="Keyboard")).to_contain_text("type a filter")
    person.keyboard.press("Escape")
    expect(person.get_by_role("dialog")).to_have_count(0)
    for key, title in (("i", "Where is my action?"), ("d", "Dead letters"), ("c", "This view as code")):
        person.keyboard.press(key)
        expect(person.get_by_role("dialog", name=title)).to_be_visible()
        person.keyboard.press("Escape")
        expect(person.get_by_role("dialog")).to_have_count(0)
    person.keyboard.press("l")
    expect_address(person, live="true")


def test_the_theme_is_the_systems_until_one_is_chosen(person: Page, shop: list[Stored]) -> None:
    def ground() -> str:
        return str(person.evaluate("getComputedStyle(document.body).backgroundColor"))

    person.emulate_media(color_scheme="light")
    person.goto(ALL_TIME)
    light = ground()
    person.emulate_media(color_scheme="dark")
    dark = ground()
    assert light != dark
    person.get_by_role("button", name="Dark or light").click()
    assert ground() == light
    person.reload()
    assert ground() == light, "the choice is remembered"
    person.keyboard.press("m")
    assert ground() == dark


@pytest.fixture
def guarded(
    explorer_folder: Path, shop: list[Stored], start_service: StartService, tmp_path: Path
) -> tuple[Service, KeyRing]:
    """A service that wants a key."""
    ring = KeyRing(tmp_path / "keys.json")
    ring.add("reader")
    folder = str(explorer_folder)
    return start_service("query_api", EXPLORER_FOLDER=folder, KEYS_FILE=str(ring.file), EXTENT_MAX_AGE_MS="0"), ring


def test_a_key_is_asked_for_and_kept_in_this_tab_only(
    chromium: Browser, guarded: tuple[Service, KeyRing], shop: list[Stored]
) -> None:
    service, ring = guarded
    context = chromium.new_context(base_url=service.url, reduced_motion="reduce")
    person = context.new_page()
    person.goto(ALL_TIME)
    asking = person.get_by_role("dialog", name="Read key")
    expect(asking.get_by_label("Read key", exact=True)).to_be_focused()
    assert _axe(person) == []
    person.keyboard.type("alr_wrong")
    person.keyboard.press("Enter")
    expect(asking).to_contain_text("key")  # asked again, with the reason
    expect(asking.get_by_label("Read key", exact=True)).to_have_value("")
    asking.get_by_label("Read key", exact=True).fill(ring.secrets["reader"])
    asking.get_by_role("button", name="Use this key").click()
    expect(asking).to_have_count(0)
    expect_total(person, len(shop))
    person.reload()
    expect_total(person, len(shop))
    assert ring.secrets["reader"] not in person.url
    other = context.new_page()
    other.goto(ALL_TIME)
    expect(other.get_by_role("dialog", name="Read key")).to_be_visible()
    person.get_by_role("button", name="Sign out").click()
    expect(asking).to_be_visible()
    context.close()


def test_who_gives_no_key_is_left_alone_until_the_next_step(
    chromium: Browser, guarded: tuple[Service, KeyRing], shop: list[Stored]
) -> None:
    context = chromium.new_context(base_url=guarded[0].url)
    person = context.new_page()
    person.route("**/log/fields?*", lambda route: route.abort())  # no progress bar tells when it is answered
    person.goto(ALL_TIME)
    asking = person.get_by_role("dialog", name="Read key")
    expect(asking.get_by_label("Read key", exact=True)).to_be_focused()
    _rows(person)
    person.keyboard.press("Escape")
    expect(asking).to_have_count(0)
    for _ in range(2):
        with person.expect_response("**/pipeline"):
            pass
    expect(asking).to_have_count(0)
    person.keyboard.press("r")
    expect(asking).to_be_visible()
    context.close()


def test_a_slow_answer_shows_progress_and_can_be_cancelled(person: Page, shop: list[Stored]) -> None:
    held: list[Route] = []
    person.route(_CHARTS, lambda route: held.append(route))
    with person.expect_request(_CHARTS):
        person.goto(ALL_TIME)
    expect(person.get_by_role("progressbar")).to_be_visible()
    with person.expect_event("requestfailed", lambda request: "interval=" in request.url):  # the request itself ends
        person.get_by_role("button", name="Cancel").click()
    expect(person.get_by_role("progressbar")).to_have_count(0)
    expect(chart(person)).to_contain_text("Cancelled")
    person.unroute(_CHARTS)
    chart(person).get_by_role("button", name="Count again").click()  # a slow facet may have one, too
    expect_total(person, len(shop))


def test_escape_cancels_and_keeps_what_was_there(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    _rows(person)
    held: list[Route] = []
    person.route(_CHARTS, lambda route: held.append(route))
    person.keyboard.press("r")
    expect(person.get_by_role("progressbar")).to_be_visible()
    expect_total(person, len(shop))
    person.keyboard.press("Escape")
    expect(chart(person)).to_contain_text("Cancelled")
    expect_total(person, len(shop))


def test_escape_cancels_first_and_closes_the_row_then(person: Page, shop: list[Stored]) -> None:
    held: list[Route] = []
    person.goto(ALL_TIME)
    line(person, 0).click()
    row = person.get_by_role("complementary", name="Action")
    expect(row).to_contain_text("In the log")
    person.route(_CHARTS, lambda route: held.append(route))
    with person.expect_request(_CHARTS):
        person.keyboard.press("r")
    person.keyboard.press("Escape")
    expect(chart(person)).to_contain_text("Cancelled")
    expect(row).to_be_visible()
    person.keyboard.press("Escape")
    expect(row).to_be_hidden()


def test_a_dialog_gives_the_focus_back(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    button = person.get_by_role("button", name="Find by id")
    button.click()
    expect(person.get_by_role("dialog").get_by_role("textbox")).to_be_focused()
    person.keyboard.press("Escape")
    expect(person.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()


def test_what_is_typed_right_after_a_dialogs_key_is_for_the_dialog(person: Page, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    person.evaluate(_PRESS_WITHIN_A_FRAME, ["i", "d"])
    expect(person.get_by_role("dialog", name="Where is my action?")).to_be_visible()


def test_a_service_that_is_away_is_told_and_asked_again(person: Page, query_api: Service, shop: list[Stored]) -> None:
    person.goto(ALL_TIME)
    expect_total(person, len(shop))
    _rows(person)
    query_api.kill()
    person.keyboard.press("r")
    problem = chart(person).get_by_role("alert")
    expect(problem).to_contain_text("does not answer")
    query_api.start()
    problem.get_by_role("button", name="Try again").click()
    expect_total(person, len(shop))

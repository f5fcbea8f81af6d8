"""An open row: what was sent to the last digit, and a way to filter by each of its values."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.explorer.grid import line, lines
from tests.integration.query_api.actions import Stored, insert
from tests.namespace import Namespace

SPELT = '{"big":9007199254740993,"one":1.0,"twice":1,"twice":2,"a.b":{"c\\\\d":"x.y"},"list":[{"x":1}],"none":null}'


@pytest.fixture
def action(namespace: Namespace, shop: list[Stored]) -> Stored:
    """The newest of all."""
    made = Stored(uuid.uuid4(), "gil", "SPELL", datetime.now(UTC), "s-gil", SPELT)
    insert(namespace, [made])
    return made


def opened(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Action")


def asked(page: Page) -> str:
    return str(page.evaluate("decodeURIComponent(location.search)"))


def test_a_click_shows_the_action_as_it_was_sent(person: Page, action: Stored) -> None:
    person.goto("/")
    expect(line(person, 0)).to_contain_text("9007199254740993")
    line(person, 0).click()
    row = opened(person)
    for exact in ("9007199254740993", "1.0", "x.y", "null", str(action.id)):
        expect(row.get_by_text(exact, exact=True)).to_be_visible()
    expect(row.get_by_text("twice", exact=True)).to_have_count(2)
    expect(row.get_by_text("partition 0, offset 0")).to_be_visible()


def test_the_copied_json_is_what_was_sent(person: Page, action: Stored) -> None:
    person.goto(f"/?row={action.id}")
    expect(opened(person).get_by_text("partition 0")).to_be_visible()
    opened(person).get_by_role("button", name="Copy JSON").click()
    expect(person.get_by_text("The action is copied.")).to_be_visible()
    copied: str = person.evaluate("navigator.clipboard.readText()")
    kept: dict[str, Any] = json.loads(copied, object_pairs_hook=dict, parse_float=str, parse_int=str)
    assert (kept["id"], kept["userId"]) == (str(action.id), "gil")
    assert '"big": 9007199254740993' in copied
    assert '"one": 1.0' in copied
    assert copied.count('"twice"') == 2
    assert kept["properties"]["a.b"] == {"c\\d": "x.y"}


def test_filtering_by_a_value_and_excluding_it(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    line(person, 0).click()
    user, others = shop[0].user, next(one.user for one in shop if one.user != shop[0].user)
    opened(person).get_by_role("button", name=f"Filter by userId {user}", exact=True).click()
    expect(person).to_have_url(re.compile(rf"[?&]userId={user}\b"))
    expect(lines(person).filter(has_text=others)).to_have_count(0)
    expect(lines(person).first).to_contain_text(user)
    opened(person).get_by_role("button", name=f"Exclude userId {user}", exact=True).click()
    expect(person).to_have_url(re.compile(rf"userId\[ne\]={user}\b"))
    expect(lines(person).get_by_role("gridcell", name=user, exact=True)).to_have_count(0)
    expect(lines(person).first).to_be_visible()
    person.go_back()
    expect(lines(person).first).to_contain_text(user)


def test_a_nested_property_with_dots_in_its_names_is_reached(person: Page, action: Stored) -> None:
    person.goto(f"/?row={action.id}")
    opened(person).get_by_role("button", name="Filter by properties.a\\.b.c\\\\d x.y").click()
    expect(lines(person)).to_have_count(1)
    expect(line(person, 0)).to_contain_text("SPELL")
    assert "properties.a\\.b.c\\\\d=x.y" in asked(person)


def test_what_no_filter_reaches_has_no_buttons(person: Page, action: Stored) -> None:
    person.goto(f"/?row={action.id}")
    expect(opened(person).get_by_text("partition 0")).to_be_visible()  # what the table knows has no second "twice"
    names = [button.get_attribute("aria-label") or "" for button in opened(person).get_by_role("button").all()]
    assert "Filter by properties.twice 1" in names
    assert "Filter by properties.twice 2" not in names
    assert not [name for name in names if "list" in name or name.endswith(" x 1")]


def test_numbers_booleans_and_null_filter_by_their_json(person: Page, action: Stored) -> None:
    for name in ("properties.big 9007199254740993", "properties.none null"):
        person.goto(f"/?row={action.id}")
        opened(person).get_by_role("button", name=f"Filter by {name}", exact=True).click()
        expect(lines(person)).to_have_count(1)


def test_a_row_is_an_address_and_survives_a_reload(person: Page, shop: list[Stored]) -> None:
    person.goto("/")
    line(person, 4).click()
    expect(opened(person)).to_contain_text(str(shop[4].id))
    person.reload()
    expect(opened(person)).to_contain_text(str(shop[4].id))
    expect(line(person, 4)).to_have_attribute("aria-selected", "true")
    person.go_back()
    expect(opened(person)).to_be_hidden()


def test_a_row_opens_at_once_from_what_was_read(person: Page, shop: list[Stored]) -> None:
    """The exact reading is held up; the row shows what the table knows meanwhile."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    person.route(re.compile(r"/log/[0-9a-f-]{36}$"), hold)
    person.goto("/")
    with person.expect_request(re.compile(r"/log/[0-9a-f-]{36}$")):
        line(person, 2).click()
    expect(opened(person)).to_contain_text(shop[2].session)
    expect(opened(person)).not_to_contain_text("In the log")
    held[0].continue_()
    expect(opened(person)).to_contain_text("In the log")


def test_an_unknown_row_says_so(person: Page, shop: list[Stored]) -> None:
    person.goto(f"/?row={uuid.uuid4()}")
    expect(opened(person)).to_contain_text("No stored action, no dead letter")

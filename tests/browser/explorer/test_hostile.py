"""Values come from strangers: wherever they show, they are text. Each tries to become markup, script or a link."""

import json
import uuid
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.explorer.grid import line, lines
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.topic import publish
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until

IMAGE: Final = "<img src=x onerror=\"document.title='owned'\">"
SCRIPT: Final = "</script><script>document.title='owned'</script>"
VECTOR: Final = "<svg onload=\"document.title='owned'\"></svg>"
LINK: Final = "javascript:document.title='owned'"
HANDLER: Final = '" onmouseover="document.title=\'owned\'" x="\''
TEMPLATE: Final = "{{constructor.constructor('document.title=1')()}}${document.title=1}"
STRANGE: Final = "img, iframe, object, base, body script, a[href^=javascript], svg[onload], [onerror], [onmouseover]"
ALL: Final = (IMAGE, SCRIPT, VECTOR, LINK, HANDLER, TEMPLATE)
# Names that objects have already, in a page that is careless with them.
NAMES: Final = ("__proto__", "constructor", "toString", "dangerouslySetInnerHTML", "__html", "ref", "key", "style")


def properties() -> str:
    values = dict(zip(("a", "b", "c", "d", "e", "f"), ALL, strict=True))
    names = dict.fromkeys(ALL, 1)
    nested = {name: {"__html": IMAGE, "length": 10**9} for name in NAMES}
    return json.dumps({**values, **names, "nested": {**nested, IMAGE: [VECTOR, {SCRIPT: HANDLER}]}, **nested})


@pytest.fixture
def hostile(namespace: Namespace, shop: list[Stored]) -> list[Stored]:
    now = datetime.now(UTC)
    made = [Stored(uuid.uuid4(), value, value, now, value, properties()) for value in ALL]
    insert(namespace, made)
    return made


def nothing_happened(page: Page) -> None:
    """No value became an element, an attribute that runs, or a link; none has run."""
    assert page.title() != "owned"
    strange = (
        "img, iframe, object, embed, base, body script, a[href^=javascript], svg[onload], [onerror], [onmouseover]"
    )
    expect(page.locator(strange)).to_have_count(0)


def test_in_the_table_the_chart_and_the_facets(person: Page, hostile: list[Stored]) -> None:
    person.goto("/")
    for value in ALL:
        of_it = lines(person).filter(has=person.get_by_role("gridcell", name=value, exact=True))
        expect(of_it.first).to_be_visible()
        of_it.first.hover()
    for group in ("userId", "properties.a"):
        person.goto(f"/?group={group}")
        expect(line(person, 0)).to_be_visible()
        nothing_happened(person)


def test_in_an_open_row_and_as_filters(person: Page, hostile: list[Stored]) -> None:
    for action in hostile:
        person.goto(f"/?row={action.id}")
        row = person.get_by_role("complementary", name="Action")
        expect(row.get_by_text(str(action.id))).to_be_visible()
        expect(row.get_by_text(SCRIPT, exact=True).first).to_be_attached()
        row.get_by_role("button", name=f"Filter by userId {action.user[:60]}").click()
        expect(lines(person)).to_have_count(1)
        nothing_happened(person)


def test_names_that_objects_have_already_are_shown_like_any_other(person: Page, hostile: list[Stored]) -> None:
    person.goto(f"/?row={hostile[0].id}")
    row = person.get_by_role("complementary", name="Action")
    for name in NAMES:
        expect(row.get_by_text(name, exact=True).first).to_be_attached()
    row.get_by_role("button", name=f"Filter by properties.__proto__.__html {IMAGE[:60]}").first.click()
    expect(lines(person)).to_have_count(len(hostile))
    nothing_happened(person)


def test_on_arrival(person: Page, start_service: StartService, hostile: list[Stored]) -> None:
    producer = start_service("producer_api")
    person.goto("/?live=true&type=LIVE")
    expect(person.locator(".live-bar")).to_contain_text("Live")
    action = {"id": str(uuid.uuid4()), "time": datetime.now(UTC).isoformat(), "type": "LIVE"}
    body = {"userId": IMAGE, "sessionId": SCRIPT, "actions": [{**action, "properties": json.loads(properties())}]}
    httpx.post(f"{producer.url}/log", json=body, timeout=20).raise_for_status()
    expect(line(person, 0)).to_contain_text(IMAGE)
    line(person, 0).hover()
    nothing_happened(person)


def test_among_the_dead_letters(person: Page, namespace: Namespace, start_service: StartService) -> None:
    spoilt = [value.encode() for value in ALL] + [json.dumps({"event_id": IMAGE, IMAGE: SCRIPT}).encode()]
    in_a_loop_of_its_own(publish(namespace, spoilt))
    start_service("consumer")
    wait_until(lambda: namespace.query("SELECT count() FROM {db}.dead_letters") == str(len(spoilt)), 60, "put aside")
    person.goto("/?panel=letters")
    letters = person.get_by_role("dialog").get_by_role("group")
    expect(letters).to_have_count(len(spoilt))
    for letter in letters.all():
        letter.locator("summary").click()
    expect(letters.get_by_text(IMAGE, exact=True)).to_be_visible()
    nothing_happened(person)


def test_in_the_address(person: Page, hostile: list[Stored]) -> None:
    for name in ("userId", "row", "find", "panel", "group", "zone", "startTime", "properties.x", f"properties.{IMAGE}"):
        for value in (IMAGE, LINK):
            person.goto(f"/?{urlencode({'panel': 'place', name: value})}")
            expect(person.get_by_role("main")).to_be_visible()
    nothing_happened(person)


def test_the_page_may_run_nothing_but_its_own_scripts(person: Page, query_api: Service) -> None:
    """What the tests above look for would be stopped, if it slipped through."""
    answer: Response | None = person.goto("/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert person.locator("script").evaluate_all("all => all.every(one => one.src && !one.textContent)")

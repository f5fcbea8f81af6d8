"""Where is my action? Typed in by a person who has an id."""

import json
import uuid

from playwright.sync_api import Locator, Page, expect

from tests.integration.query_api.actions import Stored
from tests.integration.query_api.topic import publish, record
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.stack import StartService
from tests.waiting import wait_until


def find(page: Page, event_id: object) -> Locator:
    """Asks as a person does; the dialog."""
    dialog = page.get_by_role("dialog", name="Where is my action?")
    if not dialog.is_visible():
        page.goto("/?panel=place")
    dialog.get_by_role("textbox").fill(f" {event_id} ")
    page.keyboard.press("Enter")
    return dialog


def test_a_stored_action_is_found_and_opens(person: Page, shop: list[Stored]) -> None:
    dialog = find(person, shop[7].id)
    expect(dialog).to_contain_text("It is stored.")
    expect(dialog).to_contain_text("partition 0, offset 7")
    dialog.get_by_role("button", name="Open the action").click()
    expect(dialog).to_be_hidden()
    expect(person.get_by_role("complementary", name="Action")).to_contain_text(str(shop[7].id))
    person.go_back()
    expect(dialog).to_contain_text("It is stored.")


def test_an_action_on_its_way_is_followed_until_it_is_stored(
    person: Page, namespace: Namespace, start_service: StartService
) -> None:
    sent = record(user="ada")
    in_a_loop_of_its_own(_published(namespace, sent))
    dialog = find(person, sent.event_id)
    expect(dialog).to_contain_text("It is on its way")
    start_service("consumer")
    expect(dialog).to_contain_text("It is stored.")


def test_a_record_that_was_put_aside_says_why(person: Page, namespace: Namespace, start_service: StartService) -> None:
    event_id = str(uuid.uuid4())
    in_a_loop_of_its_own(_published(namespace, json.dumps({"event_id": event_id, "user_id": 5}).encode()))
    start_service("consumer")
    wait_until(lambda: namespace.query("SELECT count() FROM {db}.dead_letters") == "1", 60, "put aside")
    dialog = find(person, event_id)
    expect(dialog).to_contain_text("It was put aside.")
    expect(dialog).to_contain_text("user_id")


def test_an_unknown_id_is_looked_for_again_when_asked(person: Page, namespace: Namespace) -> None:
    sent = record(user="ada")
    dialog = find(person, sent.event_id)
    expect(dialog).to_contain_text("Nothing here has this id.")
    in_a_loop_of_its_own(_published(namespace, sent))
    dialog.get_by_role("button", name="Find").click()
    expect(dialog).to_contain_text("It is on its way")


def test_an_unknown_id_and_a_wrong_one_are_told_apart(person: Page, shop: list[Stored]) -> None:
    dialog = find(person, uuid.uuid4())
    expect(dialog).to_contain_text("Nothing here has this id.")
    expect(dialog).to_contain_text("It was not accepted")
    find(person, "not-an-id")
    expect(dialog.get_by_role("alert")).to_contain_text("not a UUID")


async def _published(namespace: Namespace, value: object) -> None:
    assert await publish(namespace, [value])  # type: ignore[list-item]

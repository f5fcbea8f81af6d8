"""The dead letters, with their reasons."""

import json
import uuid
from collections.abc import Sequence

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.integration.query_api.topic import publish
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.stack import StartService
from tests.waiting import wait_until

SPOILT = [b"no JSON at all", json.dumps({"event_id": str(uuid.uuid4()), "user_id": 5}).encode(), b"\xff\xfe\x00bytes"]


@pytest.fixture
def letters(namespace: Namespace, start_service: StartService) -> Sequence[bytes]:
    """Records that no table takes, put aside by the sink."""
    in_a_loop_of_its_own(publish(namespace, SPOILT))
    start_service("consumer")
    wait_until(lambda: namespace.query("SELECT count() FROM {db}.dead_letters") == str(len(SPOILT)), 60, "put aside")
    return SPOILT


def opened(page: Page) -> Locator:
    page.get_by_role("button", name="Dead letters").click()
    return page.get_by_role("dialog", name="Dead letters")


def test_each_has_its_reason_and_opens_to_what_was_sent(person: Page, letters: Sequence[bytes]) -> None:
    person.goto("/")
    dialog = opened(person)
    expect(dialog.get_by_role("group")).to_have_count(len(letters))
    spoilt = dialog.get_by_role("group").filter(has_text="user_id")
    spoilt.first.locator("summary").click()
    expect(spoilt.first).to_contain_text('"user_id": 5')
    expect(spoilt.first).to_contain_text("partition 0, offset 1")
    person.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_bytes_that_are_no_text_are_shown_as_far_as_they_go(person: Page, letters: Sequence[bytes]) -> None:
    person.goto("/?panel=letters")
    broken = person.get_by_role("dialog").get_by_role("group").filter(has_text="offset 2")
    broken.locator("summary").click()
    expect(broken).to_contain_text("�")
    expect(broken).to_contain_text("bytes")


def test_those_beyond_the_range_are_one_click_away(person: Page, letters: Sequence[bytes]) -> None:
    person.goto("/?panel=letters&startTime=2013-01-01T00:00:00Z&endTime=2014-01-01T00:00:00Z")
    dialog = person.get_by_role("dialog")
    expect(dialog).to_contain_text("No dead letter in this range.")
    dialog.get_by_role("button", name="Those of all time").click()
    expect(dialog.get_by_role("group")).to_have_count(len(letters))

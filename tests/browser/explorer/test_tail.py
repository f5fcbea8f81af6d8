"""The live table: what arrives shows, reading on pauses it, and nothing is missed without a word."""

import re
import uuid
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.explorer.grid import line, lines, scroll
from tests.integration.query_api import live
from tests.integration.query_api.topic import publish_at_once, record
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until


@pytest.fixture
def producer(start_service: StartService) -> Service:
    return start_service("producer_api")


def post(producer: Service, count: int, user: str = "zoe", **fields: Any) -> None:
    body = {"userId": user, "sessionId": "s", "actions": live.actions(count, **fields)}
    answer = httpx.post(f"{producer.url}/log", json=body, timeout=20)
    assert answer.json()["accepted"] == count


def bar(page: Page) -> Locator:
    return page.locator(".live-bar")


def watch(page: Page, query: str = "") -> None:
    page.goto(f"/?live=true{query}")
    expect(bar(page)).to_contain_text("Live")


def test_what_arrives_shows_on_top_of_what_was_there(person: Page, producer: Service, shop: list[Any]) -> None:
    person.goto("/")
    person.get_by_role("button", name="Live").click()
    expect(bar(person)).to_contain_text("Live")
    expect(line(person, 0)).to_contain_text(shop[0].session)
    post(producer, 1, user="zoe")
    expect(line(person, 0)).to_contain_text("zoe")
    expect(line(person, 1)).to_contain_text(shop[0].session)
    bar(person).get_by_role("button", name="Stop").click()
    expect(bar(person)).to_be_hidden()


def test_the_filters_hold_for_it(person: Page, producer: Service) -> None:
    watch(person, "&userId=zoe&properties.a[gte]=5")
    post(producer, 1, user="yan", properties={"a": 9})
    post(producer, 1, user="zoe", properties={"a": 1})
    post(producer, 1, user="zoe", properties={"a": 7})
    expect(lines(person)).to_have_count(1)
    expect(line(person, 0)).to_contain_text("a 7")


def test_reading_on_pauses_it_and_going_on_shows_what_waited(person: Page, producer: Service, shop: list[Any]) -> None:
    watch(person)
    expect(line(person, 0)).to_contain_text(shop[0].session)
    scroll(person, 400)
    expect(bar(person)).to_contain_text("Paused")
    expect(line(person, 3)).to_have_count(0)  # it has come to rest: 12 lines down, 8 above are drawn
    before = lines(person).first.text_content()
    post(producer, 12, user="zoe")
    expect(bar(person)).to_contain_text("12 new")
    assert lines(person).first.text_content() == before
    bar(person).get_by_role("button", name=re.compile("12 new")).click()
    expect(line(person, 0)).to_contain_text("zoe")
    expect(line(person, 11)).to_contain_text("zoe")
    expect(line(person, 12)).to_contain_text(shop[0].session)
    expect(bar(person)).to_contain_text("Live")


def test_what_a_pause_has_no_room_for_is_counted(person: Page, producer: Service, shop: list[Any]) -> None:
    watch(person)
    expect(line(person, 0)).to_contain_text(shop[0].session)
    scroll(person, 400)
    expect(bar(person)).to_contain_text("Paused")
    for _ in range(3):
        post(producer, 400, user="zoe")
    expect(bar(person)).to_contain_text("200 not shown")
    expect(bar(person)).to_contain_text("1,000 new")


@pytest.mark.parametrize("query_settings", [{"TAIL_QUEUE_RECORDS": "5"}])
def test_what_the_stream_had_no_room_for_is_counted(person: Page, namespace: Namespace) -> None:
    watch(person, "&userId=zoe")
    in_a_loop_of_its_own(publish_at_once(namespace, [record(user="zoe") for _ in range(300)]))

    def shown_and_missed() -> tuple[int, int]:
        told = re.search(r"(\d+) not shown", bar(person).text_content() or "")
        return lines(person).count(), int(told[1]) if told else 0

    wait_until(lambda: sum(shown_and_missed()) == 300, 60, "each is shown or counted")
    assert shown_and_missed()[1] > 200


def test_after_a_restart_it_goes_on_where_it_was(person: Page, producer: Service, query_api: Service) -> None:
    watch(person, "&userId=zoe")
    post(producer, 1, type="BEFORE")
    expect(line(person, 0)).to_contain_text("BEFORE")
    query_api.kill()
    expect(bar(person)).to_contain_text("Waiting")
    post(producer, 2, type="MEANWHILE")
    query_api.start()
    expect(lines(person)).to_have_count(3)
    expect(line(person, 0)).to_contain_text("MEANWHILE")
    expect(bar(person)).to_contain_text("Live")
    post(producer, 1, type="AFTER")
    expect(line(person, 0)).to_contain_text("AFTER")
    expect(lines(person)).to_have_count(4)


def test_an_action_that_is_sent_twice_shows_once(person: Page, producer: Service) -> None:
    watch(person, "&userId=zoe")
    twice = str(uuid.uuid4())
    for _ in range(2):
        post(producer, 1, id=twice)
    post(producer, 1, type="LAST")
    expect(line(person, 0)).to_contain_text("LAST")
    expect(lines(person)).to_have_count(2)

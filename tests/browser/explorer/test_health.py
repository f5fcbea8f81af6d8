"""The corner that always tells how the pipeline is."""

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.integration.query_api import live
from tests.services import Service
from tests.stack import StartService


def corner(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Pipeline"))


def post(producer: Service, count: int) -> None:
    body = {"userId": "ada", "sessionId": "s", "actions": live.actions(count)}
    httpx.post(f"{producer.url}/log", json=body, timeout=20).raise_for_status()


def test_it_tells_how_far_behind_the_sink_is_and_that_it_has_caught_up(
    person: Page, start_service: StartService
) -> None:
    post(start_service("producer_api"), 40)
    person.goto("/")
    expect(corner(person)).to_contain_text("behind")
    corner(person).click()
    more = person.get_by_role("region", name="The pipeline")
    expect(more).to_contain_text("Waiting40 records")
    expect(more.get_by_role("row")).to_have_count(1 + 3)
    start_service("consumer")
    expect(more).to_contain_text("Waiting0 records")
    expect(corner(person)).to_contain_text("All is stored")
    person.keyboard.press("Escape")
    expect(more).to_be_hidden()


def test_it_says_when_nobody_answers_and_recovers(person: Page, query_api: Service) -> None:
    person.goto("/")
    expect(corner(person)).not_to_contain_text("Asking")
    query_api.kill()
    expect(corner(person)).to_contain_text("cannot be asked")
    query_api.start()
    expect(corner(person)).not_to_contain_text("cannot be asked")


def test_it_goes_on_asking_after_an_answer_that_is_none(person: Page) -> None:
    person.route("**/pipeline", lambda route: route.fulfill(content_type="text/html", body="<p>Log in"))
    person.goto("/")
    expect(corner(person)).to_contain_text("cannot be asked")
    person.unroute("**/pipeline")
    expect(corner(person)).not_to_contain_text("cannot be asked")


def test_its_times_are_in_the_zone_of_the_view(person: Page) -> None:
    figures = {"lagRecords": 0, "lagSeconds": 0, "storedUntil": "2026-11-25T12:00:00Z", "ageSeconds": 0}
    rates = {"acceptedPerSecond": 0, "storedPerSecond": 0, "partitions": [], "trouble": None}
    person.route("**/pipeline", lambda route: route.fulfill(json=figures | rates))
    for zone, told in (("local", "13:00"), ("utc", "12:00")):  # the person is in Berlin
        person.goto(f"/?zone={zone}")
        corner(person).click()
        expect(person.get_by_role("region", name="The pipeline")).to_contain_text(
            f"Stored up to2026-11-25 {told}:00.000"
        )

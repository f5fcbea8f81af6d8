"""What the service does not take: only what may pass is sent again, and never in silence."""

import json
from pathlib import Path

import msgspec
from playwright.sync_api import BrowserContext

from kit.keys import new_key
from tests.browser.emitter.acting import counters, emit, heard, wait_for_counts, wait_to_hear
from tests.browser.emitter.between import Between, between
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site
from tests.waiting import wait_until

AGAIN_S = 60.0
BUSY = {"status": 503, "code": "overloaded", "detail": "too much under way"}


def test_of_a_batch_only_the_wrong_action_is_refused_with_its_reason(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=600_000))
    page.evaluate("log.emit('GOOD')")
    wrong = page.evaluate("log.emit('schön', {n: 1})")
    page.evaluate("log.emit('GOOD')")
    page.evaluate("log.flush()")
    (rejection,) = wait_to_hear(page, "rejected")
    assert (rejection["id"], rejection["userId"]) == (wrong, user)
    assert rejection["reason"].startswith("$[0].actions[1].type: ")
    assert json.loads(rejection["json"])["properties"] == {"n": 1}
    assert counters(page) == {"emitted": 3, "accepted": 2, "rejected": 1, "dropped": 0, "queued": 0}
    assert len(way.passed) == 1
    pipeline.wait_for(user, 2)


def test_a_batch_of_wrong_actions_is_refused_once_each_by_its_own_reason(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=600_000))
    page.evaluate("log.emit('!'); log.identify('', 's'); log.emit('GOOD'); log.emit('GOOD')")
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=3, rejected=3, queued=0)
    assert [r["reason"].partition(":")[0] for r in wait_to_hear(page, "rejected")] == [
        "$[0].actions[0].type",
        "$[1].userId",
        "$[1].userId",
    ]
    assert len(way.passed) == 1


def test_what_the_service_cannot_read_holds_nothing_up(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user, maxAgeMs=600_000))
    page.evaluate("log.emit('GOOD')")
    page.evaluate("let deep = {}; for (let n = 0; n < 3000; n++) deep = { deep }; void log.emit('DEEP', deep)")
    page.evaluate("log.emit('GOOD')")
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=3, accepted=2, rejected=1)
    (rejection,) = wait_to_hear(page, "rejected")
    assert rejection["reason"] == "$: is nested too deeply"
    assert heard(page, "failed") == []
    pipeline.wait_for(user, 2)


def test_what_is_no_json_is_refused_here_and_never_throws(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    page.evaluate("const circle = {}; circle.self = circle; log.emit('CIRCLE', circle)")
    page.evaluate("log.emit('BIG', { n: 1n }); log.emit('TIME', {}, NaN)")
    assert [bool(rejection["id"]) for rejection in wait_to_hear(page, "rejected")]
    wait_for_counts(page, emitted=3, rejected=3)
    assert way.passed == []


def test_a_pause_that_the_service_asks_for_is_kept_by_all_tabs(
    way: Between, pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page, other = context.new_page(), context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=20))
    way.answers.append((503, {"Retry-After": "3"}, BUSY))
    emit(page, 5)
    (failure,) = wait_to_hear(page, "failed")
    assert failure == {"status": 503, "code": "overloaded", "detail": "too much under way", "retries": True}
    other.goto(site.shop(way.url, userId=user, maxAgeMs=20))
    emit(other, 5)
    other.evaluate("log.flush()")
    wait_for_counts(page, emitted=10, accepted=10)
    refused, *rest = way.passed
    assert min(request.at_s for request in rest) - refused.at_s >= 2.9
    pipeline.wait_for(user, 10)


def test_an_unknown_key_stops_the_page_and_costs_no_action(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    right, entry = new_key("shop", prefix="alw_", origins=[site.origin])
    keys.write_bytes(msgspec.json.encode([entry]))
    producer = pipeline.start_producer(WRITE_KEYS_FILE=str(keys))
    with between(producer.url) as way:
        page = context.new_page()
        page.goto(site.shop(way.url, userId=user, key="alw_wrong", maxActions=10, maxAgeMs=20))
        emit(page, 10)
        (failure,) = wait_to_hear(page, "failed")
        assert (failure["status"], failure["code"], failure["retries"]) == (401, "key-unknown", False)
        emit(page, 50)
        assert counters(page)["queued"] == 60
        assert len(way.passed) == 1, "never in a loop"
        page.goto(site.shop(way.url, userId=user, key=right))
        wait_for_counts(page, emitted=60, accepted=60)
        assert way.passed[-1].headers["x-write-key"] == right
    pipeline.wait_for(user, 60)
    producer.close()


def test_too_large_a_body_is_halved_and_what_is_still_too_large_is_named(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    producer = pipeline.start_producer(MAX_BODY_BYTES="4096")
    page = context.new_page()
    page.goto(site.shop(producer.url, userId=user, maxAgeMs=600_000))
    emit(page, 20, text="x" * 200)
    huge = page.evaluate("log.emit('HUGE', { text: 'x'.repeat(5000) })")
    emit(page, 20, text="x" * 200)
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=41, accepted=40, rejected=1)
    assert [rejection["id"] for rejection in wait_to_hear(page, "rejected")] == [huge]
    pipeline.wait_for(user, 40)
    producer.close()


def test_a_rate_limit_slows_down_and_loses_nothing(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    producer = pipeline.start_producer(ADDRESS_RATE_PER_S="1", ADDRESS_BURST="2")
    page = context.new_page()
    page.goto(site.shop(producer.url, userId=user, maxActions=10, maxAgeMs=20))
    emit(page, 40)
    wait_until(lambda: counters(page)["accepted"] == 40, AGAIN_S, "all are taken in the end")
    assert {failure["code"] for failure in heard(page, "failed")} <= {"rate-limited"}
    pipeline.wait_for(user, 40)
    producer.close()


def test_a_200_of_something_else_counts_for_nothing(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=20))
    way.answers.append((200, {"Content-Type": "text/html"}, b"<html>Please log in to the Wi-Fi</html>"))
    emit(page, 5)
    wait_to_hear(page, "failed")
    wait_for_counts(page, emitted=5, accepted=5)
    pipeline.wait_for(user, 5)


def test_an_error_of_something_else_stops_the_page_whatever_its_form(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=20))
    way.answers.append((400, {}, {"title": "Bad Request", "errors": {"body": ["is not what this gateway takes"]}}))
    emit(page, 1)
    (failure,) = wait_to_hear(page, "failed")
    assert (failure["status"], failure["retries"]) == (400, False)
    assert counters(page)["queued"] == 1
    assert len(way.passed) == 1


def test_a_callback_that_throws_stops_nothing_and_the_console_says_why(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(site.shop(pipeline.url, userId=user, maxAgeMs=20, debug=True))
    page.evaluate("addEventListener('error', (event) => event.preventDefault())")
    page.evaluate("void (heard.rejected.push = () => { throw new Error('in the callback'); })")
    page.evaluate("log.emit('!'); log.emit('GOOD')")
    wait_for_counts(page, emitted=2, accepted=1, rejected=1)
    emit(page, 1)
    wait_for_counts(page, emitted=3, accepted=2)
    assert any("actionlog" in text for text in said)

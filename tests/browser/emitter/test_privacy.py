"""Who does not want to be logged is not: nothing is sent, and nothing is kept."""

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.emitter.acting import TOLD_S, counters, emit, wait_for_counts, wait_to_hear
from tests.browser.emitter.between import Between
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site
from tests.waiting import wait_until

SIGNALS = {
    "dnt": 'Object.defineProperty(navigator, "doNotTrack", { value: "1" })',
    "gpc": 'Object.defineProperty(navigator, "globalPrivacyControl", { value: true })',
}
KEPT = "indexedDB.databases().then((all) => all.length + localStorage.length + sessionStorage.length)"


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_browser_that_asks_not_to_be_tracked_sends_and_keeps_nothing(
    way: Between, site: Site, context: BrowserContext, user: str, signal: str
) -> None:
    context.add_init_script(SIGNALS[signal])
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=10, capture=["CLICK", "VIEW", "NAVIGATE"]))
    assert emit(page, 3) == [None, None, None]
    page.click("#buy")
    page.evaluate("log.flush()")
    page.goto(site.elsewhere)
    assert way.passed == []
    assert page.evaluate(KEPT) == 0


def test_a_site_may_decide_otherwise(pipeline: Pipeline, site: Site, context: BrowserContext, user: str) -> None:
    context.add_init_script(SIGNALS["dnt"])
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user, respectDoNotTrack=False, maxAgeMs=10))
    emit(page, 3)
    pipeline.wait_for(user, 3)


def test_opting_out_drops_what_waits_and_holds_on_every_page_until_opting_in(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto(site.shop(way.url, userId=user, maxAgeMs=600_000))
        tab.evaluate("log.flush()")
    emit(page, 5)
    page.evaluate("log.optOut()")
    assert wait_to_hear(page, "dropped") == [[5, "opted out"]]
    off = "localStorage.getItem('actionlog:off') !== null"
    wait_until(lambda: bool(other.evaluate(off)), TOLD_S, "another page's process has it, too")
    assert emit(page, 1) == emit(other, 1) == [None]
    page.reload()
    assert emit(page, 1) == [None]
    page.goto(site.elsewhere)
    assert way.passed == []
    page.goto(site.shop(way.url, userId=user))
    page.evaluate("log.optIn()")
    emit(page, 2)
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=7, accepted=2, dropped=5)
    assert len(pipeline.wait_for(user, 2)) == len(way.ids)


def test_no_cookies(way: Between, site: Site, context: BrowserContext, user: str) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    emit(page, 5)
    page.evaluate("log.flush()")
    assert context.cookies() == []
    assert all("cookie" not in request.headers for request in way.passed)


def test_closed_it_neither_listens_nor_sends_and_leaves_its_queue(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=600_000, capture=["CLICK", "NAVIGATE"]))
    page.evaluate("log.flush()")
    emit(page, 3)
    page.evaluate("log.close()")
    page.click("#buy")
    page.evaluate("history.pushState({}, '', '/cart')")
    assert emit(page, 1) == [None]
    assert counters(page)["queued"] == 3
    page.goto(site.elsewhere)
    assert way.passed == []
    page.goto(site.shop(way.url, userId=user))
    wait_for_counts(page, emitted=3, accepted=3)

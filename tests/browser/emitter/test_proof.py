"""Ten thousand actions through everything that happens to pages: each is stored once, and the counters know of each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import STEP_MS
from tests.browser.emitter import pipeline as a_pipeline
from tests.browser.emitter.acting import counters, heard
from tests.browser.emitter.crashes import kill_pages
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site
from tests.infra import Infra
from tests.waiting import wait_until

TOTAL: Final = 10_000
USER: Final = "the-visitor"
DONE_S: Final = 120.0
STEP_S: Final = 60.0

# In tasks of 10 actions, as bursts of clicks come; it does not wait for them.
STREAM: Final = """([first, count]) => {
  window.streaming = (async () => {
    for (let n = first; n < first + count; n++) {
      log.emit("STEP", { n });
      if (n % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
}"""
LAST_WORDS: Final = """([first, count, url]) => {
  for (let n = first; n < first + count; n++) log.emit("STEP", { n });
  location.href = url;
}"""


@pytest.fixture
def own_pipeline(infra: Infra, tmp_path: Path) -> Iterator[Pipeline]:
    """Of this test alone, since it kills the producer."""
    with a_pipeline.running(infra, tmp_path) as started:
        yield started


class Visit:
    """One person's browser, two tabs of the shop, and the numbers of the actions to come."""

    def __init__(self, browser: Browser, pipeline: Pipeline, site: Site) -> None:
        self.pipeline = pipeline
        self.site = site
        self.context: BrowserContext = browser.new_context()
        self.context.set_default_timeout(STEP_MS)
        self.address = site.shop(pipeline.url, userId=USER, maxAgeMs=200)
        self.emitted = 0
        self.tabs: list[Page] = []
        self.open_tabs()

    def open_tabs(self) -> None:
        for tab in self.tabs:
            tab.close()
        self.tabs = [self.context.new_page() for _ in range(2)]
        for tab in self.tabs:
            tab.goto(self.address)

    def stream(self, tab: Page, count: int) -> None:
        """Begin to emit the next actions."""
        tab.evaluate(STREAM, [self.emitted, count])
        self.emitted += count

    def finish(self, *tabs: Page) -> None:
        for tab in tabs:
            tab.evaluate("window.streaming")

    def leave(self, tab: Page, count: int, url: str) -> None:
        """Emit the next actions and navigate in the same task."""
        with tab.expect_navigation():
            tab.evaluate(LAST_WORDS, [self.emitted, count, url])
        self.emitted += count

    def wait_until_kept(self) -> None:
        """Every action so far is in IndexedDB, if not further."""
        wait_until(lambda: counters(self.tabs[1])["emitted"] == self.emitted, STEP_S, f"{self.emitted} are kept")


def navigate_and_reload(visit: Visit) -> None:
    tab, other = visit.tabs
    for _ in range(5):
        visit.stream(other, 100)
        visit.leave(tab, 100, visit.site.elsewhere)
        tab.goto(visit.address)
        visit.stream(tab, 100)
        visit.finish(tab, other)
        tab.reload()
        visit.leave(tab, 100, visit.address)


def kill_both_tabs(visit: Visit) -> None:
    for tab in visit.tabs:
        visit.stream(tab, 750)
    visit.finish(*visit.tabs)
    visit.wait_until_kept()
    kill_pages()
    visit.open_tabs()


def lose_the_network(visit: Visit) -> None:
    tab, other = visit.tabs
    visit.stream(tab, 500)
    visit.context.set_offline(True)
    visit.stream(other, 1_000)
    visit.finish(tab, other)
    visit.context.set_offline(False)


def restart_the_producer(visit: Visit) -> None:
    """Killed, then asked to stop."""
    producer = visit.pipeline.producer
    for stop in (producer.kill, producer.terminate):
        for tab in visit.tabs:
            visit.stream(tab, 500)
        stop()
        visit.finish(*visit.tabs)
        producer.start()


def take_kafka_away(visit: Visit) -> None:
    """A producer that reaches no Kafka answers 503 with Retry-After, by itself."""
    producer = visit.pipeline.producer
    producer.terminate()
    without_kafka = visit.pipeline.start_producer(
        wait=False, PORT=str(producer.port), KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", RETRY_AFTER_S="1"
    )
    for tab in visit.tabs:
        visit.stream(tab, 750)
    visit.finish(*visit.tabs)

    def refused() -> bool:
        return any(failure["status"] == 503 for tab in visit.tabs for failure in heard(tab, "failed"))

    wait_until(refused, DONE_S, "a page is answered 503")  # failures before it make pauses of up to a minute
    without_kafka.kill()
    producer.start()


def two_tabs_at_once(visit: Visit) -> None:
    rest = TOTAL - visit.emitted
    for tab in visit.tabs:
        visit.stream(tab, rest // 2)
    visit.finish(*visit.tabs)


def test_ten_thousand_actions_through_everything_are_stored_once_and_accounted_for(
    own_pipeline: Pipeline, chromium: Browser, site: Site
) -> None:
    visit = Visit(chromium, own_pipeline, site)
    steps = (navigate_and_reload, kill_both_tabs, lose_the_network, restart_the_producer, take_kafka_away)
    for step in (*steps, two_tabs_at_once):
        step(visit)
        visit.wait_until_kept()
    assert visit.emitted == TOTAL
    wait_until(lambda: counters(visit.tabs[0])["queued"] == 0, DONE_S, "the queue is empty")
    everything = {"emitted": TOTAL, "accepted": TOTAL, "rejected": 0, "dropped": 0, "queued": 0}
    assert counters(visit.tabs[0]) == counters(visit.tabs[1]) == everything

    rows = own_pipeline.wait_for(USER, TOTAL)
    assert sorted(json.loads(row["properties"])["n"] for row in rows) == list(range(TOTAL))
    for tab in visit.tabs:
        assert heard(tab, "rejected") == heard(tab, "dropped") == []
    visit.context.close()

"""What waits: bounded, shared by tabs, there after a crash; and what is done without storage or locks."""

from playwright.sync_api import BrowserContext

from tests.browser.emitter.acting import TOLD_S, counters, emit, heard, wait_for_counts, wait_to_hear
from tests.browser.emitter.between import Between
from tests.browser.emitter.crashes import kill_pages
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site
from tests.waiting import wait_until

NO_INDEXED_DB = """Object.defineProperty(window, "indexedDB", {
  get() { throw new DOMException("denied", "SecurityError"); },
})"""
NO_LOCKS = 'Object.defineProperty(navigator, "locks", { value: undefined })'
# Emit, and never let go: the page cannot even begin to store.
HANG = """count => void setTimeout(() => {
  for (let n = 0; n < count; n++) log.emit("STEP", { n });
  for (;;);
})"""
# As if the page that wrote them had died a while ago.
AGE = """() => {
  for (const key of Object.keys(localStorage).filter((key) => key.includes(":page:"))) {
    const [emitted, stored, atMs] = JSON.parse(localStorage.getItem(key));
    localStorage.setItem(key, JSON.stringify([emitted, stored, atMs - 120_000]));
  }
}"""


def test_a_killed_page_leaves_its_queue_to_the_next(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user, maxAgeMs=600_000, maxActions=1_000))
    ids = emit(page, 50)
    wait_for_counts(page, queued=50)
    kill_pages()
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user))
    wait_for_counts(page, emitted=50, accepted=50)
    assert [row["id"] for row in pipeline.wait_for(user, 50)] == ids


def test_what_a_page_could_not_store_before_it_died_is_counted(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    watching, page = context.new_page(), context.new_page()
    watching.goto(site.elsewhere)
    page.goto(site.shop(pipeline.url, userId=user))
    emit(page, 3)
    page.evaluate("log.flush()")
    wait_for_counts(page, accepted=3)
    page.evaluate(HANG, 7)
    said = "Object.entries(localStorage).some(([key, value]) => key.includes(':page:') && value.startsWith('[10,3,'))"
    wait_until(lambda: bool(watching.evaluate(said)), TOLD_S, "the journal says that 7 actions are not stored")
    kill_pages()
    page = context.new_page()
    page.goto(site.elsewhere)
    page.evaluate(AGE)
    page.goto(site.shop(pipeline.url, userId=user))
    assert wait_to_hear(page, "dropped") == [[7, "page died"]]
    assert counters(page) == {"emitted": 10, "accepted": 3, "rejected": 0, "dropped": 7, "queued": 0}
    page.reload()
    assert counters(page)["dropped"] == 7
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_full_queue_drops_its_oldest_and_says_so(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user, maxQueueBytes=5_000))
    context.set_offline(True)
    ids = emit(page, 100)
    said = counters(page)
    assert 20 < said["queued"] < 60
    wait_until(lambda: sum(n for n, _ in heard(page, "dropped")) == said["dropped"], TOLD_S, "the page hears it")
    assert {reason for _, reason in heard(page, "dropped")} == {"queue full"}
    context.set_offline(False)
    wait_for_counts(page, emitted=100, accepted=said["queued"], queued=0)
    kept = [row["id"] for row in pipeline.wait_for(user, said["queued"])]
    assert kept == ids[-said["queued"] :], "the newest are kept"


def test_two_tabs_send_one_queue_and_nothing_goes_twice(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(site.shop(way.url, userId=user, maxActions=10, maxAgeMs=20))
    script = """() => void (async () => {
      for (let n = 0; n < 300; n++) {
        log.emit("STEP", { n });
        if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    })()"""
    for tab in tabs:
        tab.evaluate(script)
    for tab in tabs:
        wait_for_counts(tab, emitted=600, accepted=600)
    assert len(way.ids) == len(set(way.ids)) == 600
    pipeline.wait_for(user, 600)


def test_a_lost_answer_is_asked_for_again_and_counted_once(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    way.lose_answers = True
    emit(page, 10)
    page.evaluate("log.flush()")
    (failure,) = wait_to_hear(page, "failed")[:1]
    assert (failure["status"], failure["code"], failure["retries"]) == (0, "network", True)
    assert counters(page)["accepted"] == 0
    way.lose_answers = False
    wait_for_counts(page, emitted=10, accepted=10)
    assert len(way.ids) >= 20
    pipeline.wait_for(user, 10)


def test_without_indexed_db_the_queue_is_in_memory_and_goes_with_the_page(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    context.add_init_script(NO_INDEXED_DB)
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user, maxAgeMs=600_000))
    emit(page, 20)
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=20, accepted=20)
    (failure,) = heard(page, "failed")
    assert (failure["code"], failure["retries"]) == ("storage", True)
    emit(page, 20)
    page.goto(site.elsewhere)
    pipeline.wait_for(user, 40)


def test_storage_that_goes_away_under_a_page_loses_nothing_that_is_emitted_then(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user))
    emit(page, 5)
    page.evaluate("log.flush()")
    page.evaluate("new Promise((done) => { indexedDB.deleteDatabase('actionlog').onsuccess = done; })")
    emit(page, 5)
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=5, accepted=5)
    pipeline.wait_for(user, 10)


def test_without_locks_two_tabs_may_send_twice_but_store_and_count_once(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    context.add_init_script(NO_LOCKS)
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(site.shop(pipeline.url, userId=user, maxActions=10, maxAgeMs=20))
    for _ in range(3):
        for tab in tabs:
            emit(tab, 30)
    for tab in tabs:
        wait_for_counts(tab, emitted=180, accepted=180)
    pipeline.wait_for(user, 180)

"""Pages that go: by navigation, by reload, into the back/forward cache, with a request under way."""

from collections.abc import Sequence

from playwright.sync_api import BrowserContext, Playwright

from bench.chromium import ARGUMENTS
from tests.browser.chromium import STEP_MS, program
from tests.browser.emitter.acting import counters, emit, wait_for_counts
from tests.browser.emitter.between import Between, Passed
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site
from tests.waiting import wait_until

ARRIVED_S = 60.0
KEEPALIVE_BYTES = 60_000
# On one page the storage has not opened yet when the visitor goes on.
SLOW_STORAGE = 'if (location.pathname === "/slow") IDBFactory.prototype.open = () => ({})'
LAST_WORDS = """([count, elsewhere]) => {
  for (let n = 0; n < count; n++) log.emit("STEP", { n });
  location.href = elsewhere;
}"""


def ids_of(rows: Sequence[dict[str, str]]) -> list[str]:
    return [row["id"] for row in rows]


def test_what_was_emitted_in_the_last_moment_arrives_although_nobody_comes_back(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, key="alw_public", maxAgeMs=600_000))
    page.evaluate("log.flush()")
    page.evaluate(LAST_WORDS, [30, site.elsewhere])
    rows = pipeline.wait_for(user, 30)
    assert ids_of(rows) == way.ids
    (request,) = way.passed
    assert request.path == "/log?key=alw_public"
    assert request.headers["content-type"].startswith("text/plain"), "no preflight: the page has no time for it"
    assert "cookie" not in request.headers


def test_a_page_whose_key_is_given_as_none_has_its_last_word_too(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, key=None, maxAgeMs=600_000))
    page.evaluate("log.flush()")
    page.evaluate(LAST_WORDS, [3, site.elsewhere])
    pipeline.wait_for(user, 3)
    assert [request.path for request in way.passed] == ["/log"]


def test_more_than_can_be_kept_alive_is_split_and_the_rest_goes_with_the_next_visit(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxActions=1_000, maxBytes=1_000_000, maxAgeMs=600_000))
    page.evaluate("log.flush()")
    page.evaluate("Array.from({ length: 400 }, (_, n) => log.emit('STEP', { n, text: 'x'.repeat(400) }))")
    wait_for_counts(page, queued=400)
    # A page of smaller batches, of which several fit: it knows only what it has emitted itself.
    page.goto(site.elsewhere)
    assert kept_alive(way.passed) == 0
    page.goto(site.shop(way.url, userId=user, maxBytes=20_000))
    wait_for_counts(page, accepted=400)
    rows = pipeline.wait_for(user, 400)
    assert set(ids_of(rows)) == set(way.ids)


def test_the_last_requests_stay_within_what_browsers_keep_alive(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxActions=1_000, maxBytes=20_000, maxAgeMs=600_000))
    page.evaluate("log.flush()")
    script = """elsewhere => {
      Object.defineProperty(navigator, "onLine", { get: () => false, configurable: true });
      for (let n = 0; n < 400; n++) log.emit("STEP", { n, text: "x".repeat(400) });
      delete navigator.onLine;
      location.href = elsewhere;
    }"""
    with page.expect_navigation():
        page.evaluate(script, site.elsewhere)
    wait_until(lambda: len(way.passed) >= 3, ARRIVED_S, "the rest goes, in parts")
    assert max(request.wire_bytes for request in way.passed) <= 21_000
    assert kept_alive(way.passed) <= KEEPALIVE_BYTES
    page.goto(site.shop(way.url, userId=user))
    wait_for_counts(page, emitted=400, accepted=400)
    pipeline.wait_for(user, 400)


def test_what_is_emitted_while_the_page_finds_its_queue_empty_goes_with_the_page(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=600_000))
    page.evaluate("log.flush()")
    script = """async () => {
      const { getAll } = IDBObjectStore.prototype;
      let ids = [];
      IDBObjectStore.prototype.getAll = function (...words) {
        const request = getAll.apply(this, words);
        const isLook = this.transaction.mode === "readonly" && !ids.length;
        if (isLook) ids = [0, 1, 2].map((n) => log.emit("STEP", { n }));
        return request;
      };
      await log.flush();
      return ids;
    }"""
    ids = page.evaluate(script)
    assert way.passed == []
    page.goto(site.elsewhere)
    wait_until(lambda: way.ids == ids, ARRIVED_S, "they went with the page")


def kept_alive(passed: Sequence[Passed]) -> int:
    """Bytes of the requests by fetch; a beacon's string has a charset."""
    return sum(request.wire_bytes for request in passed if request.headers.get("content-type") == "text/plain")


def test_a_request_under_way_outlives_its_page_and_is_counted_by_the_next(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    way.free.clear()
    emit(page, 5)
    page.evaluate("void log.flush()")
    wait_until(lambda: len(way.passed) == 1, ARRIVED_S, "the request is under way")
    page.goto(site.elsewhere)
    way.free.set()
    pipeline.wait_for(user, 5)
    assert len(way.passed) == 1, "what is under way is not sent again by the page that goes"
    page.goto(site.shop(way.url, userId=user))
    wait_for_counts(page, emitted=5, accepted=5)
    pipeline.wait_for(user, 5)


def test_a_page_that_goes_before_its_storage_has_opened_hands_over_to_the_next(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    context.add_init_script(SLOW_STORAGE)
    page = context.new_page()
    page.goto(site.shop(pipeline.url, "/slow", userId=user))
    with page.expect_navigation():
        page.evaluate(LAST_WORDS, [30, site.elsewhere])
    page.goto(site.shop(pipeline.url, userId=user))
    wait_for_counts(page, emitted=30, accepted=30, queued=0)
    assert page.evaluate("localStorage.length") == 0
    pipeline.wait_for(user, 30)


def test_reloads_lose_and_double_nothing(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    ids: list[str] = []
    for _ in range(6):
        ids += emit(page, 40)
        page.reload()
    wait_for_counts(page, emitted=240, accepted=240, queued=0)
    assert ids_of(pipeline.wait_for(user, 240)) == sorted(ids)


def test_a_page_comes_back_from_the_cache_and_goes_on(
    playwright: Playwright, way: Between, pipeline: Pipeline, site: Site, user: str
) -> None:
    """Nothing of the emitter keeps a page from the cache: no lock is held, no `unload` is listened to."""
    browser = playwright.chromium.launch(
        executable_path=program(), args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
    )
    page = browser.new_page()
    page.set_default_timeout(STEP_MS)
    page.goto(site.shop(way.url, userId=user))
    page.evaluate("addEventListener('pageshow', (event) => { window.cached = event.persisted; })")
    emit(page, 5)
    page.evaluate("log.flush()")
    wait_for_counts(page, accepted=5)
    emit(page, 5)
    page.goto(site.elsewhere)
    page.go_back(wait_until="commit")
    page.wait_for_function("window.cached === true")
    emit(page, 5)
    page.evaluate("log.flush()")
    wait_for_counts(page, emitted=15, accepted=15)
    pipeline.wait_for(user, 15)
    assert counters(page)["dropped"] == 0
    browser.close()

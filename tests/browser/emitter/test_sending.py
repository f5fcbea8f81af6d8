"""From `emit()` to a row: what is sent, how it is packed, and what it says."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.build import EMITTER
from tests.browser.emitter.acting import counters, emit, wait_for_counts
from tests.browser.emitter.between import Between
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site
from tests.waiting import wait_until

SENT_S = 60.0
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_an_action_is_stored_with_its_id_its_properties_and_the_pages_own_time(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId=user))
    event_id = page.evaluate('log.emit("CLICK", {locationX: 52, locationY: 11, name: "Grüße 😀"})')
    page.evaluate('log.emit("CLICK", {}, Date.parse("2018-10-18T21:37:28-06:00"))')
    page.evaluate("log.flush()")
    old, new = sorted(pipeline.wait_for(user, 2), key=lambda row: row["time"])
    assert UUID7.fullmatch(event_id)
    assert (new["id"], new["session_id"], new["type"]) == (event_id, "s-1", "CLICK")
    assert json.loads(new["properties"]) == {"locationX": 52, "locationY": 11, "name": "Grüße 😀"}
    assert (old["time"], old["utc_offset_minutes"]) == ("2018-10-19 03:37:28.000000", -360)
    assert counters(page) == {"emitted": 2, "accepted": 2, "rejected": 0, "dropped": 0, "queued": 0}


def test_the_module_does_the_same(pipeline: Pipeline, site: Site, context: BrowserContext, user: str) -> None:
    page = context.new_page()
    page.goto(site.elsewhere)
    options = {"url": f"{pipeline.url}/log", "userId": user, "sessionId": "s-1"}
    script = """async (options) => {
      const { createEmitter } = await import("/index.js");
      const log = createEmitter(options);
      const id = log.emit("VIEW", { viewedId: "FDJKLHSLD" });
      await log.flush();
      return id;
    }"""
    event_id = page.evaluate(script, options)
    assert [row["id"] for row in pipeline.wait_for(user, 1)] == [event_id]


def test_each_action_is_of_the_user_and_session_that_were_there_when_it_was_emitted(
    pipeline: Pipeline, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, userId="nobody"))
    page.evaluate(f"log.identify('{user}')")
    emit(page, 1)
    page.evaluate(f"log.identify('{user}', 's-2')")
    emit(page, 1)
    page.evaluate("log.flush()")
    assert {row["session_id"] for row in pipeline.wait_for(user, 2)} == {"s-1", "s-2"}


def test_a_full_batch_goes_at_once_and_the_rest_after_its_age(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxActions=20, maxAgeMs=600_000))
    page.evaluate("log.flush()")
    emit(page, 19)
    assert way.passed == []
    emit(page, 1)
    wait_for_counts(page, accepted=20)
    page.goto(site.shop(way.url, userId=user, maxActions=20, maxAgeMs=50))
    emit(page, 3)
    wait_for_counts(page, accepted=23)
    assert [len(request.ids) for request in way.passed][:1] == [20]


def test_batches_are_bounded_by_bytes_and_by_count_and_keep_the_order(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxActions=50, maxBytes=10_000, maxAgeMs=600_000))
    context.set_offline(True)
    ids = emit(page, 120) + emit(page, 30, text="ü" * 450)
    context.set_offline(False)
    wait_until(lambda: len(way.ids) == 150, SENT_S, "all are sent")
    assert way.ids == ids
    assert max(len(request.ids) for request in way.passed) == 50
    sizes = [sum(len(json.dumps(a, ensure_ascii=False).encode()) for a in request.actions) for request in way.passed]
    assert max(sizes) <= 10_500  # json.dumps writes a few spaces more
    assert sum(size > 8_000 for size in sizes) >= 3


def test_a_large_body_is_compressed_and_each_says_when_it_was_sent(
    way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxAgeMs=600_000))
    page.evaluate("log.flush()")  # a page looks for what earlier ones left when it begins: not while these are emitted
    emit(page, 90)
    page.evaluate("log.flush()")
    (request,) = way.passed
    assert request.headers["content-encoding"] == "gzip"
    assert request.wire_bytes * 3 < len(json.dumps(request.envelopes))
    sent_at = datetime.fromisoformat(request.envelopes[0]["sentAt"])
    assert abs(datetime.now(UTC) - sent_at) < timedelta(minutes=1)
    assert sent_at.utcoffset() is not None


def test_an_action_that_fits_no_batch_is_sent_alone(
    pipeline: Pipeline, way: Between, site: Site, context: BrowserContext, user: str
) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user, maxBytes=1_000))
    emit(page, 3, text="x" * 20_000)
    page.evaluate("log.flush()")
    assert [len(request.ids) for request in way.passed] == [1, 1, 1]
    pipeline.wait_for(user, 3)


def test_ids_increase_and_never_repeat(way: Between, site: Site, context: BrowserContext, user: str) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    script = "Array.from({ length: 5000 }, (_, n) => log.emit('STEP', { n }))"
    ids = page.evaluate(script)
    assert ids == sorted(set(ids))
    assert all(UUID7.fullmatch(event_id) for event_id in ids)
    wait_for_counts(page, emitted=5000, accepted=5000)
    assert sorted(way.ids) == ids


def test_the_types_hold_what_they_promise(dist: Path, tmp_path: Path) -> None:
    """Compiled: what is right passes, each line below an @ts-expect-error is refused."""
    sample = Path(__file__).with_name("types_sample.ts").read_text()
    (tmp_path / "sample.ts").write_text(sample.replace("actionlog-emitter", str(dist / "index")))
    options = {"strict": True, "noEmit": True, "moduleResolution": "bundler", "module": "esnext", "types": []}
    config = {"compilerOptions": {**options, "target": "es2022", "lib": ["es2022", "dom"]}, "files": ["sample.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    EMITTER.npm("exec", "--", "tsc", "-p", str(tmp_path))


@pytest.mark.usefixtures("dist")
def test_the_build_is_small() -> None:
    assert "at most 4096" in EMITTER.npm("run", "size")

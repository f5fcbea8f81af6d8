"""``python -m bench.emitter``: what the emitter costs a page: one ``emit()``, and the main thread per 1,000 events.

Of the build in browser/emitter/dist, which ``make emitter`` makes.
"""

import argparse
import gzip
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, CDPSession, Error, Page, sync_playwright

from bench import chromium, command, stack
from bench.quantiles import Spread, percentile
from bench.report import Paper
from bench.stack import Stack
from bench.surroundings import Before, Surroundings

_DIST: Final = Path(__file__).resolve().parents[1] / "browser" / "emitter" / "dist"
_SCRIPT: Final = _DIST / "actionlog.js"
_EVENTS: Final = 1_000
_ROUNDS: Final = 5
# The isolation gives the page a clock of 5 us instead of 100.
_ISOLATED: Final = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
_PAGE: Final = (
    b'<!doctype html><title>Bench</title><link rel="icon" href="data:,"><script src="/actionlog.js"></script>'
)

# One event a task, as people make them, only faster; `emit` of the empty page does nothing.
_STEADY: Final = """async ([count, empty]) => {
  const emit = empty ? () => {} : log.emit;
  const took = [];
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const began = performance.now();
    emit("CLICK", { locationX: n, locationY: 11, element: "#buy", page: "/inventory" });
    took.push(performance.now() - began);
  }
  if (!empty) await log.flush();
  return took;
}"""
_BURST: Final = """async (count) => {
  const began = performance.now();
  const rest = { locationY: 11, element: "#buy", page: "/inventory" };
  for (let n = 0; n < count; n++) log.emit("CLICK", { locationX: n, ...rest });
  const took = performance.now() - began;
  await log.flush();
  return took;
}"""


@dataclass(frozen=True)
class Findings:
    """emit_us: each emit() of the steady rounds. main_thread_ms: CPU of one round, without that of the empty loop."""

    surroundings: Surroundings
    browser: str
    gzipped_bytes: int
    emit_us: Sequence[float]
    main_thread_ms: Sequence[float]
    burst_ms: Sequence[float]
    counters: Mapping[str, int]
    stored: int
    events: int


def main(arguments: Sequence[str]) -> int:
    """Run it. Returns the exit code: 1 when an action is missing or something failed."""
    options = command.parser("emitter", __doc__, "one round: shows that it works").parse_args(arguments)
    keep = not (options.quick or options.no_history)
    return command.run(
        "emitter", lambda paper: _run(options, paper), _show, _result, keep=keep, failures=(Error,), is_right=_is_right
    )


def _run(options: argparse.Namespace, paper: Paper) -> Findings:
    if not _SCRIPT.exists():
        raise OSError("the emitter is not built: make emitter")
    stack.fetch_components()
    before = Before.now()
    rounds = 1 if options.quick else _ROUNDS
    with tempfile.TemporaryDirectory(prefix="actionlog-bench-") as folder, stack.running(Path(folder)) as running:
        paper.note(f"{rounds} rounds of {_EVENTS} events")
        with _pages() as origin, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_chromium(), args=chromium.ARGUMENTS)
            found = _measured(browser, origin, running, rounds)
            found["browser"] = browser.version
            browser.close()
        surroundings = Surroundings.of(Path(folder), before)
    return Findings(surroundings=surroundings, gzipped_bytes=_gzipped_bytes(), **found)


def _measured(browser: Browser, origin: str, running: Stack, rounds: int) -> dict[str, Any]:
    page = browser.new_page()
    page.goto(origin)
    url = f"http://{running.producer.host}:{running.producer.port}/log"
    options = {"url": url, "userId": "bench", "sessionId": "s", "debug": False}
    page.evaluate("(options) => { window.log = actionlog.createEmitter(options); }", options)
    page.evaluate(_STEADY, [_EVENTS // 10, False])  # warm
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})  # CPU: others do not count
    emit_us, main_thread_ms, burst_ms = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        empty_ms, _took = _steady(page, devtools, empty=True)
        busy_ms, took = _steady(page, devtools, empty=False)
        emit_us += [milliseconds * 1_000 for milliseconds in took]
        main_thread_ms.append(busy_ms - empty_ms)
        burst_ms.append(page.evaluate(_BURST, _EVENTS))
    page.evaluate("log.flush()")
    events = _EVENTS // 10 + 2 * rounds * _EVENTS
    return {
        "emit_us": emit_us,
        "main_thread_ms": main_thread_ms,
        "burst_ms": burst_ms,
        "counters": page.evaluate("log.counters()"),
        "stored": _stored(running, events),
        "events": events,
    }


def _steady(page: Page, devtools: CDPSession, *, empty: bool) -> tuple[float, list[float]]:
    """Milliseconds of the main thread, and of each call."""
    began = _task_ms(devtools)
    took: list[float] = page.evaluate(_STEADY, [_EVENTS, empty])
    return _task_ms(devtools) - began, took


def _task_ms(devtools: CDPSession) -> float:
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")) * 1_000


def _stored(running: Stack, events: int) -> int:
    """Rows, when all are there or no more come."""
    for _ in range(600):
        if running.stored_actions() >= events:
            break
        threading.Event().wait(0.1)
    return running.stored_actions()


@contextmanager
def _pages() -> Iterator[str]:
    script = _SCRIPT.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_script = self.path == "/actionlog.js"
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            for name, value in _ISOLATED.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(script if is_script else _PAGE)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _chromium() -> str:
    """Raises OSError where there is none."""
    found = chromium.find()
    if found is None:
        raise OSError(chromium.MISSING)
    return found


def _gzipped_bytes() -> int:
    code = (_DIST / "index.js").read_bytes()
    return len(gzip.compress(code, 9, mtime=0))


def _is_right(findings: Findings) -> bool:
    return findings.stored == findings.counters["accepted"] == findings.counters["emitted"] == findings.events


def _result(findings: Findings) -> dict[str, Any]:
    main, burst = Spread.of(findings.main_thread_ms), Spread.of(findings.burst_ms)
    return {
        "emit_p50_us": round(percentile(findings.emit_us, 50)),
        "emit_p99_us": round(percentile(findings.emit_us, 99)),
        "emit_max_us": round(max(findings.emit_us)),
        "main_thread_ms_per_1000": round(main.median, 1),
        "main_thread_ms_per_1000_spread": [round(main.least, 1), round(main.most, 1)],
        "burst_ms_per_1000": round(burst.median, 1),
        "gzipped_bytes": findings.gzipped_bytes,
        "counters": dict(findings.counters),
        "stored": findings.stored,
        "browser": findings.browser,
        **asdict(findings.surroundings),
    }


def _show(findings: Findings, paper: Paper) -> None:
    paper.heading("A page's cost")
    words = _result(findings)
    names = ("emit_p50_us", "emit_p99_us", "emit_max_us", "main_thread_ms_per_1000", "burst_ms_per_1000")
    paper.table(("", "figure"), [(name, words[name]) for name in (*names, "gzipped_bytes")])
    paper.facts({name: words[name] for name in ("counters", "stored", "browser", "load_average", "calibration_ms")})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a page's own script does with the emitter, and what it was told."""

from typing import Any, Final

from playwright.sync_api import Page

from tests.waiting import wait_until

TOLD_S: Final = 60.0


def emit(page: Page, count: int, **properties: object) -> list[str]:
    """Emit so many STEPs, one a task; their ids."""
    script = """async ([count, properties]) => {
      const ids = [];
      for (let n = 0; n < count; n++) {
        ids.push(log.emit("STEP", { n, ...properties }));
        if (n % 10 === 9) await new Promise((resolve) => setTimeout(resolve));
      }
      return ids;
    }"""
    ids: list[str] = page.evaluate(script, [count, properties])
    return ids


def counters(page: Page) -> dict[str, int]:
    """Also holds their promise: nothing is unaccounted for."""
    said: dict[str, int] = page.evaluate("log.counters()")
    assert said["emitted"] == said["accepted"] + said["rejected"] + said["dropped"] + said["queued"], said
    return said


def counts(page: Page, **wanted: int) -> bool:
    said = counters(page)
    return all(said[name] == value for name, value in wanted.items())


def wait_for_counts(page: Page, **wanted: int) -> None:
    wait_until(lambda: counts(page, **wanted), TOLD_S, f"the counters say {wanted}, not {counters(page)}")


def heard(page: Page, what: str) -> list[Any]:
    """What the page's callbacks were told: ``rejected``, ``dropped``, ``failed``."""
    said: list[Any] = page.evaluate(f"heard.{what}")
    return said


def wait_to_hear(page: Page, what: str) -> list[Any]:
    wait_until(lambda: bool(heard(page, what)), TOLD_S, f"the page hears what was {what}")
    return heard(page, what)

"""The machine's own Chromium, headless, driven by Playwright.

Where there is none (bench/chromium.py) the tests are skipped, but in CI (the variable ``CI`` is set) they fail: nobody
would notice that they no longer run.
"""

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Playwright

from bench.chromium import ARGUMENTS, MISSING, find
from tests.selection import unavailable

STEP_MS: Final = 60_000  # how long one step (a click, an expectation) may take on a busy machine


def program() -> str:
    """The path of Chromium. Skips the test where there is none; in CI it fails."""
    return find() or unavailable(MISSING)


def launch(playwright: Playwright) -> Browser:
    """A browser whose contexts forget everything when they close."""
    return playwright.chromium.launch(executable_path=program(), args=ARGUMENTS, timeout=60_000)


def launch_profile(playwright: Playwright, profile: Path) -> BrowserContext:
    """A browser with its profile in a folder: storage outlives its end, also a SIGKILL of it."""
    return playwright.chromium.launch_persistent_context(
        profile, executable_path=program(), args=ARGUMENTS, timeout=60_000
    )

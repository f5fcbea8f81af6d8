"""The fixture itself: a real browser runs scripts, and its absence is noticed."""

import pytest
from playwright.sync_api import Browser, expect

from bench.chromium import PROGRAM
from tests.browser.chromium import program


def test_a_page_runs_its_script(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<p id=said></p><script>said.textContent = [1, 2].map(n => n * 2)</script>")
    expect(page.locator("#said")).to_have_text("2,4")


async def test_asynchronous_tests_run_beside_it() -> None:
    """They could not while Playwright's loop were left open."""


def test_without_a_browser_it_is_skipped_but_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROGRAM, "/nowhere/chromium")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        program()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Chromium"):
        program()

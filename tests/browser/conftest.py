"""Fixtures of all browser tests (`make test-browser`): they are synchronous, and act on pages as a person does.

Of each test's own, since Playwright's synchronous API keeps an event loop running in this thread as long as it is open:
over several tests it would break every asynchronous test that runs in between.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.chromium import STEP_MS, launch, program
from tests.selection import leave_out_unless_named

_FOLDER = Path(__file__).resolve().parent
_TEST_S = 600  # the first one waits for Kafka and ClickHouse, which may take minutes beside other tests


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_unless_named(_FOLDER, config, items)
    for item in items:
        if item.path.is_relative_to(_FOLDER) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TEST_S))


@pytest.fixture
def playwright() -> Iterator[Playwright]:
    program()
    expect.set_options(timeout=STEP_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium of the test's own; make a context for each person in it."""
    browser = launch(playwright)
    yield browser
    browser.close()

"""The explorer as people get it: built, served by a real query_api over real Kafka and ClickHouse, in a real browser.

``shop``      a day's actions, in the table; newest first.
``query_api`` the service over them.
``person``    a page of a browser on that service, not yet opened: ``person.goto("/")``. The test fails when the page
              logged an error, asked another origin, or broke its Content-Security-Policy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tests.browser.build import EXPLORER
from tests.browser.chromium import STEP_MS
from tests.browser.explorer import shop as a_shop
from tests.integration.query_api.actions import Stored, insert
from tests.namespace import Namespace
from tests.services import Service
from tests.stack import StartService

_WIDE: Final = (1360, 860)


@pytest.fixture(scope="session")
def explorer_folder() -> Path:
    """The built files."""
    return EXPLORER.built()


@pytest.fixture
def shop(namespace: Namespace) -> list[Stored]:
    actions = a_shop.day()
    insert(namespace, actions)
    return actions


@pytest.fixture
def query_settings() -> dict[str, str]:
    """More settings of query_api, without their prefix; a test parametrizes it."""
    return {}


@pytest.fixture
def query_api(
    explorer_folder: Path, shop: list[Stored], start_service: StartService, query_settings: dict[str, str]
) -> Service:
    # Tests insert and look at once: the rows-per-month counts may not be reused.
    usual = {"EXPLORER_FOLDER": str(explorer_folder), "EXTENT_MAX_AGE_MS": "0"}
    return start_service("query_api", wait=True, port=None, **usual, **query_settings)


class Complaints:
    """What a page must not do: errors in its console, exceptions, requests to other origins."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self._origin = origin
        self.heard: list[str] = []
        context.on("console", self._console)
        context.on("request", self._request)
        context.on("weberror", lambda error: self.heard.append(f"exception: {error.error}"))

    def _console(self, message: ConsoleMessage) -> None:
        # An answer of 4xx or 5xx is logged by the browser itself; tests provoke them.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.heard.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin + "/", "data:", "blob:")):
            self.heard.append(f"asked {request.url}")


@pytest.fixture
def person(chromium: Browser, query_api: Service) -> Iterator[Page]:
    width, height = _WIDE
    context = chromium.new_context(
        base_url=query_api.url,
        viewport={"width": width, "height": height},
        timezone_id="Europe/Berlin",
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(STEP_MS)
    complaints = Complaints(context, query_api.url)
    yield context.new_page()
    context.close()
    assert complaints.heard == []

"""The emitter as a site has it: built, in real pages, posting to a real producer of another origin.

``pipeline``  producer and consumer, shared by the tests; each test has a ``user`` of its own.
``way``       the proxy between pages and the producer.
``site``      the pages.
``context``   one person's browser: pages made in it share storage, as tabs do.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.build import EMITTER
from tests.browser.chromium import STEP_MS
from tests.browser.emitter import pipeline as a_pipeline
from tests.browser.emitter.between import Between, between
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site, serving
from tests.infra import Infra


@pytest.fixture(scope="session")
def dist() -> Path:
    """The built files."""
    return EMITTER.built()


@pytest.fixture(scope="session")
def site(dist: Path) -> Iterator[Site]:
    with serving(dist) as pages:
        yield pages


@pytest.fixture(scope="session")
def pipeline(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with a_pipeline.running(infra, tmp_path_factory.mktemp("emitter")) as started:
        yield started


@pytest.fixture
def user() -> str:
    return f"user-{secrets.token_hex(4)}"


@pytest.fixture
def way(pipeline: Pipeline) -> Iterator[Between]:
    with between(pipeline.url) as proxy:
        yield proxy


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """What a page throws fails the test."""
    made = chromium.new_context(timezone_id="America/Denver", locale="en-GB")
    made.set_default_timeout(STEP_MS)
    thrown: list[str] = []
    made.on("weberror", lambda error: thrown.append(str(error.error)))
    yield made
    made.close()
    assert thrown == []

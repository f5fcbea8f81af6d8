"""Clicks, views and navigation by themselves, with the property names of the documentation's first example."""

import json

from playwright.sync_api import BrowserContext

from tests.browser.emitter.acting import counters, emit
from tests.browser.emitter.between import Between
from tests.browser.emitter.pipeline import Pipeline
from tests.browser.emitter.site import Site


def test_a_visit_is_captured(pipeline: Pipeline, site: Site, context: BrowserContext, user: str) -> None:
    page = context.new_page()
    page.goto(site.shop(pipeline.url, "/communities", userId=user, capture=["CLICK", "VIEW", "NAVIGATE"]))
    page.evaluate("document.getElementById('buy').addEventListener('click', (event) => event.stopPropagation())")
    page.click("#buy")
    page.evaluate("history.pushState({}, '', '/inventory?secret=1')")
    page.evaluate("history.replaceState({}, '', '/inventory?secret=2')")
    page.go_back()
    page.evaluate("log.flush()")
    rows = [(row["type"], json.loads(row["properties"])) for row in pipeline.wait_for(user, 6)]
    assert rows == [
        ("VIEW", {"viewedId": "/communities"}),
        ("CLICK", {"locationX": 50, "locationY": 35}),
        ("NAVIGATE", {"pageFrom": "/communities", "pageTo": "/inventory"}),
        ("VIEW", {"viewedId": "/inventory"}),
        ("NAVIGATE", {"pageFrom": "/inventory", "pageTo": "/communities"}),
        ("VIEW", {"viewedId": "/communities"}),
    ]


def test_nothing_is_captured_unless_wanted(way: Between, site: Site, context: BrowserContext, user: str) -> None:
    page = context.new_page()
    page.goto(site.shop(way.url, userId=user))
    page.click("#buy")
    page.evaluate("history.pushState({}, '', '/inventory')")
    emit(page, 1)
    assert counters(page)["emitted"] == 1

"""What a person sees in the explorer's frame: its figures, chips, address; used by the tests of what ui steps do."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.integration.query_api.actions import Stored

ALL_TIME: Final = "/?range=all"  # the shop's day goes on while a test runs: only all of it is a fixed number


def chart(page: Page) -> Locator:
    return page.get_by_role("region", name="Chart")


def plot(page: Page) -> Locator:
    return page.get_by_role("group", name=re.compile("Actions over time"))


def legend(page: Page) -> Locator:
    return chart(page).get_by_role("list")


def facets(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Facets")


def filter_line(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Add a filter")


def suggestions(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions")


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="Filters")


def expect_total(page: Page, actions: int, timeout_ms: float | None = None) -> None:
    """Both the chart and the table's end agree with the model."""
    expect(chart(page).get_by_role("status").first).to_have_text(f"{actions:,} actions", timeout=timeout_ms)


def seen_total(page: Page) -> int:
    """The chart's figure, once it is no longer on its way."""
    expect(chart(page)).to_have_attribute("aria-busy", "false")
    text = chart(page).get_by_role("status").first.inner_text()
    return int(text.split()[0].replace(",", ""))


def asked(page: Page) -> list[tuple[str, str]]:
    """The view as its address says it."""
    return parse_qsl(urlsplit(page.url).query, keep_blank_values=True)


def expect_address(page: Page, **parameters: str) -> None:
    """Each of the parameters is in the address with this value. ``__`` in a name stands for ``[ne]``."""
    for name, value in parameters.items():
        written = name.replace("__", "[ne]")
        page.wait_for_url(_has(written, value))


def _has(name: str, value: str) -> Callable[[str], bool]:
    return lambda url: (name, value) in parse_qsl(urlsplit(url).query)


def add_filter(page: Page, text: str) -> None:
    """As a person does it: the key that leads to the line, unless one is still there, the words, Enter."""
    if not filter_line(page).evaluate("line => line === document.activeElement"):
        page.keyboard.press("/")
    expect(filter_line(page)).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def by_type(actions: Iterable[Stored]) -> Counter[str]:
    return Counter(action.type for action in actions)

"""docs/licenses.md names every package of the images, each under a licence that lets us pass it on."""

import re
from typing import Final

import pytest

from docs import generate_licenses as page

# Permissive ones, and MPL-2.0: it asks for the source of its own changed files, and we change none.
ALLOWED: Final = {
    "Apache-2.0",
    "Apache Software License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD License",
    "ISC",
    "MIT",
    "MIT License",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "MPL-2.0",
    "PSF-2.0",
    "Python Software Foundation License",
}


def listed() -> dict[tuple[str, str], str]:
    rows = re.findall(r"^\| ([\w-]+) \| (\d[\w.]*) \| ([^|]+) \|$", page.FILE.read_text(), re.MULTILINE)
    return {(name, version): licence for name, version, licence in rows}


def refused(licence: str) -> set[str]:
    """The parts of an expression like `Apache-2.0 AND MIT` that are not allowed."""
    return set(re.split(r" AND | OR |; ", licence)) - ALLOWED


def test_the_page_lists_what_is_locked() -> None:
    assert set(listed()) == {(package.name, package.version) for package in page.locked()}, "run: make licenses"
    assert len(listed()) > 30


def test_every_licence_lets_us_pass_the_package_on() -> None:
    wrong = {name: licence for (name, _), licence in listed().items() if refused(licence)}
    assert wrong == {}


@pytest.mark.parametrize("licence", ["UNKNOWN", "GPL-3.0-only", "MIT AND AGPL-3.0-or-later", ""])
def test_an_unknown_or_a_reciprocal_licence_would_be_refused(licence: str) -> None:
    assert refused(licence)

"""What README, CONTRIBUTING and docs/ name exists: commands, files, settings; and no path of someone's machine."""

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.local import banner
from deploy.local.settings import CHECKOUT, LocalSettings
from docs import generate_configuration
from query_api.paging.parameters import NAMES

PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("bench/*.md")])
FOLDERS = "bench|consumer|contract|deploy|docs|kit|producer_api|query_api|requirements|tests"

_LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
_CODE_PATH = re.compile(rf"`((?:{FOLDERS})/[\w./*-]+)`")
_MODULE = re.compile(r"python -m ([\w.]+)")
_MAKE = re.compile(r"(?:`|^)make ([a-z][a-z0-9-]*)", re.MULTILINE)
_VARIABLE = re.compile(r"\b(?:PRODUCER|CONSUMER|QUERY|SETUP|LOCAL)_[A-Z_]+[A-Z]\b")
_MACHINE_PATH = re.compile(r"(?<![\w.~/}-])/(?:work|root|home|tmp|Users|usr|opt|mnt)/")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)


def curl_lines() -> list[list[str]]:
    """The README's curl commands, in words as a shell would pass them."""
    return [shlex.split(block) for block in shell_blocks(CHECKOUT / "README.md") if block.startswith("curl ")]


def test_the_pages_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "architecture.md", "DESIGN.md"} <= {page.name for page in PAGES}


@every_page
def test_every_make_target_exists(page: Path) -> None:
    assert set(_MAKE.findall(page.read_text())) <= targets()


@every_page
def test_every_module_that_is_run_exists(page: Path) -> None:
    missing = [name for name in _MODULE.findall(page.read_text()) if find_spec(name) is None]
    assert missing == []


@every_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@every_page
def test_every_path_in_code_type_exists(page: Path) -> None:
    paths = set(_CODE_PATH.findall(page.read_text()))
    made_later = {line.strip("/") for line in (CHECKOUT / ".gitignore").read_text().split()}  # not in a fresh clone
    assert [path for path in sorted(paths - made_later) if not list(CHECKOUT.glob(path))] == []


@every_page
def test_every_setting_exists(page: Path) -> None:
    known = {
        name
        for section in generate_configuration.SECTIONS
        for names in generate_configuration.variables(section.model).values()
        for name in names
    }
    assert set(_VARIABLE.findall(page.read_text())) <= known


@every_page
def test_no_path_of_a_machine(page: Path) -> None:
    assert _MACHINE_PATH.search(page.read_text()) is None


@every_page
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    defined = {
        name
        for file in CHECKOUT.glob("tests/**/test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    assert named <= defined


def test_every_target_has_its_line_of_help() -> None:
    helped = set(re.findall(r"^([a-z][a-z0-9-]*):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    assert targets() == helped


def test_the_commands_that_begin_the_readme_are_run_and_test() -> None:
    first = shell_blocks(CHECKOUT / "README.md")[0]
    assert _MAKE.findall(first) == ["run", "test"]


def test_the_readme_and_make_run_show_the_same_requests() -> None:
    defaults = LocalSettings.model_construct()
    post, get = curl_lines()
    assert post == shlex.split(banner.post_command(defaults))
    assert get == shlex.split(banner.get_command(defaults))


def test_the_readmes_post_is_a_request_of_three_actions() -> None:
    words = curl_lines()[0]
    body = json.loads(words[words.index("--data") + 1])
    assert (set(body), len(body["actions"])) == ({"userId", "sessionId", "actions"}, 3)


def test_the_readmes_get_uses_the_four_filters() -> None:
    url = urlsplit(curl_lines()[1][-1])
    assert set(parse_qs(url.query)) == {"userId", "type", "startTime", "endTime"}
    assert set(parse_qs(url.query)) < set(NAMES)


def test_the_readmes_answers_fit_each_other() -> None:
    """They were pasted from a run: the click that is read is the first action that was accepted."""
    outputs = re.findall(r"^(\{.*\})$", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
    accepted, page = (json.loads(output) for output in outputs)
    assert accepted["accepted"] == len(accepted["ids"]) == 3
    assert [action["id"] for action in page["actions"]] == accepted["ids"][:1]
    assert page["next"] is None

"""The view as code: what a person copies runs, and answers what the page shows, whatever the values are."""

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.explorer.grid import lines
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.keyed import KeyRing
from tests.namespace import Namespace

# What shells, Python, SQL and terminals read as something else: quotes, escapes, expansions, a line end, a pasted
# Ctrl-C and the end of a bracketed paste, text that runs the other way.
NASTY = (
    "plain",
    "it's \"quoted\" \\ and \\'",
    "$HOME `id` $(id) !! %41 + & = ; # ~ {a,b} *?",
    "two\nlines\r\n\tand a tab",
    "\x03touch /tmp/pwned\x1b[201~\x7f",
    "right \u202e to left \u2066, nul-like \u2028, é, 😀",
    "{rows:UInt32} {user:String}",
)


@pytest.fixture
def nasty(namespace: Namespace, shop: list[Stored]) -> list[Stored]:
    """One action for each value."""
    made = [
        Stored(uuid.uuid4(), "gil", "CLICK", datetime.now(UTC), "s", json.dumps({"it's": {"a.b": value}}))
        for value in NASTY
    ]
    insert(namespace, made)
    return made


def opened(page: Page, language: str, **filters: str) -> Locator:
    """The code of a view, on the page."""
    page.goto("/?" + urlencode({**filters, "panel": "code"}))
    dialog = page.get_by_role("dialog", name="This view as code")
    dialog.get_by_role("button", name=language, exact=True).click()
    expect(dialog.locator("pre")).to_be_visible()
    return dialog


def copied(page: Page, language: str, **filters: str) -> str:
    dialog = opened(page, language, **filters)
    dialog.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def output(*command: str, **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment or None)
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_value(value: str) -> dict[str, str]:
    return {"properties.it's.a\\.b": value, "type[ne]": "it's", "userId": "gil"}


def test_curl_pasted_into_a_shell_finds_what_the_page_shows(person: Page, nasty: list[Stored]) -> None:
    for value, action in zip(NASTY, nasty, strict=True):
        command = copied(person, "curl", **by_value(value))
        assert command.replace("\n", "").isprintable()
        assert command.count("\n") == command.count("\\\n")
        for shell in ("sh", "bash"):
            found = json.loads(output(shell, "-c", command))
            assert [one["id"] for one in found["actions"]] == [str(action.id)], value


def test_python_prints_every_page(person: Page, shop: list[Stored]) -> None:
    program = copied(person, "Python")
    printed = [json.loads(line) for line in output(sys.executable, "-c", program).splitlines()]
    assert [action["id"] for action in printed] == [str(action.id) for action in shop]


def test_python_takes_any_value(person: Page, nasty: list[Stored]) -> None:
    for value, action in zip(NASTY, nasty, strict=True):
        program = copied(person, "Python", **by_value(value))
        assert program.replace("\n", "").isprintable()
        printed = [json.loads(line)["id"] for line in output(sys.executable, "-c", program).splitlines()]
        assert printed == [str(action.id)], value


def test_sql_binds_the_values_and_finds_what_the_page_shows(
    person: Page, nasty: list[Stored], namespace: Namespace
) -> None:
    for value, action in zip(NASTY, nasty, strict=True):
        script = copied(person, "SQL", **by_value(value))
        assert script.count("SET param_") >= 3
        rows = run_script(namespace, script)
        assert [row.split("\t")[0] for row in rows] == [str(action.id)], value


def run_script(namespace: Namespace, script: str) -> list[str]:
    """As clickhouse-client does: statement by statement, in one session. The last one's rows."""
    reader = namespace.infra.reader
    session = {"session_id": uuid.uuid4().hex, "database": namespace.database}
    headers = {"X-ClickHouse-User": reader.name, "X-ClickHouse-Key": reader.password}
    answered = ""
    for statement in script.strip().removesuffix(";").split(";\n"):
        answer = httpx.post(namespace.infra.clickhouse_url, params=session, content=statement, headers=headers)
        assert answer.status_code == 200, f"{statement}\n{answer.text}"
        answered = answer.text
    return answered.splitlines()


def test_the_code_follows_the_view(person: Page, shop: list[Stored]) -> None:
    person.goto("/?type=CLICK")
    expect(lines(person).first).to_contain_text("CLICK")
    person.get_by_role("button", name="Code").click()
    dialog = person.get_by_role("dialog", name="This view as code")
    expect(dialog.locator("pre")).to_contain_text("type=CLICK")
    expect(dialog.locator("pre")).to_contain_text("startTime=-1d")
    person.reload()
    expect(dialog.locator("pre")).to_contain_text("type=CLICK")


class TestWithKeys:
    @pytest.fixture
    def ring(self, tmp_path: Path) -> KeyRing:
        return KeyRing(tmp_path / "keys.json")

    @pytest.fixture
    def query_settings(self, ring: KeyRing) -> dict[str, str]:
        ring.add("all")
        return {"KEYS_FILE": str(ring.file)}

    def test_the_key_is_named_and_never_shown(self, person: Page, ring: KeyRing, shop: list[Stored]) -> None:
        key = ring.secrets["all"]
        person.goto("/")
        person.get_by_label("Read key").get_by_role("textbox").fill(key)
        person.keyboard.press("Enter")
        expect(lines(person).first).to_contain_text(shop[0].session)
        for language, asked in (("curl", ["sh", "-c"]), ("Python", [sys.executable, "-c"])):
            text = copied(person, language)
            assert key not in text
            assert str(shop[0].id) in output(*asked, text, **os.environ, ACTIONLOG_KEY=key)

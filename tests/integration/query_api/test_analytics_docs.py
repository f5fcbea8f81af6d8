"""docs/querying-analytics.md: each of its curl lines, on its little log, is answered as it says."""

import itertools
import json
import re
import shlex
import uuid
from datetime import datetime
from typing import Any

import pytest

from deploy.local.settings import CHECKOUT
from tests.integration.query_api.actions import Stored, insert
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace

PAGE = (CHECKOUT / "docs" / "querying-analytics.md").read_text()
_ROW = re.compile(r"^\| (\w+) \| (s\d) \| (\S+Z) \| ([A-Z_]+) \| `(\{.*\})` \|$", re.MULTILINE)
_EXAMPLE = re.compile(r"```sh\n(curl .*?)```\n(?:\n```json\n(.*?)```)?", re.DOTALL)


def examples(page: str = PAGE) -> list[tuple[str, str]]:
    """Each command and the answer below it, which may be empty."""
    return _EXAMPLE.findall(page)


def target(command: str) -> str:
    """The path and the query that curl would ask for."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curl", "-sSG"]
    data = [value for option, value in itertools.pairwise(words) if option == "-d"]
    assert len(words) == 3 + 2 * len(data)
    return f"{words[2].removeprefix('http://127.0.0.1:8001')}?{'&'.join(data)}"


def little_log(page: str = PAGE) -> list[Stored]:
    return [
        Stored(uuid.uuid4(), user, kind, datetime.fromisoformat(time), session, properties)
        for user, session, time, kind, properties in _ROW.findall(page)
    ]


def test_the_examples_are_found() -> None:
    assert len(little_log()) == 7
    assert {target(command).split("?")[0] for command, _ in examples()} == {
        "/log/counts",
        "/log/funnel",
        "/log/retention",
    }
    assert len(examples()) == PAGE.count("curl ")
    assert [command for command, answer in examples() if not answer and "dryRun" not in command] == []


@pytest.mark.parametrize(("command", "answer"), examples())
async def test_an_example_is_answered_as_the_page_says(
    namespace: Namespace, serve: Serve, command: str, answer: str
) -> None:
    insert(namespace, little_log())
    async with serve() as client:
        response = await client.get(target(command))
    assert response.status_code == 200, response.text
    said: dict[str, Any] | None = json.loads(answer) if answer else None
    assert said in (None, response.json())

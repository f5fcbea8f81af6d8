"""Values that would be SQL, escapes or nonsense if anything were pasted together."""

import uuid
from datetime import UTC, datetime

import pytest

from tests.integration.query_api.actions import Stored, answered, insert
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.paging import answer
from tests.namespace import Namespace

HOSTILE = (
    "' OR 1=1 --",
    "'; DROP TABLE actions; --",
    "\\",
    "\\'",
    "\\N",
    "\\x41",
    "NULL",
    "{user_id:String}",
    "{rows:UInt32}",
    "%(user_id)s",
    "%s%%",
    "$heredoc$",
    "`actions`",
    "a\tb\nc\rd",
    "\x00",
    "\x1b[31m",
    "'''",
    '"',
    "/* */ -- #",
    " leading and trailing ",
    "+&=?;",
    "😀\u202e\ufeff",
    "[1,2]",
    "x" * 1024,
)


@pytest.mark.parametrize("column", ["userId", "type"])
async def test_a_hostile_value_finds_exactly_the_actions_that_have_it(
    namespace: Namespace, serve: Serve, column: str
) -> None:
    time = datetime(2020, 1, 1, tzinfo=UTC)
    actions = {
        value: Stored(uuid.uuid4(), value if column == "userId" else "u", value if column == "type" else "t", time)
        for value in HOSTILE
    }
    insert(namespace, actions.values())
    async with serve() as client:
        for value, action in actions.items():
            assert await answer(client, {column: value}) == {"actions": answered([action]), "next": None}
            assert (await answer(client, {column: f"{value[:1000]}-"}))["actions"] == []


@pytest.mark.parametrize("name", ["startTime", "endTime", "order", "limit", "cursor", "dryRun"])
async def test_a_hostile_value_is_refused_where_no_text_belongs(namespace: Namespace, serve: Serve, name: str) -> None:
    async with serve() as client:
        for value in HOSTILE:
            response = await client.get("/log", params={name: value})
            assert response.status_code == 400
            assert [error["path"] for error in response.json()["errors"]] == [name]


async def test_a_hostile_name_is_refused(namespace: Namespace, serve: Serve) -> None:
    async with serve() as client:
        for value in HOSTILE:
            response = await client.get("/log", params={value: "1"})
            assert response.status_code == 400
            assert "unknown parameter" in response.json()["detail"]

"""docs/querying-browsing.md: its curl lines are answered as it says."""

import json
from datetime import UTC, datetime, timedelta

from deploy.local.settings import CHECKOUT
from tests.integration.query_api import test_analytics_docs
from tests.integration.query_api.actions import insert
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.test_analytics_docs import target
from tests.namespace import Namespace

PAGE = (CHECKOUT / "docs" / "querying-browsing.md").read_text()


def now_ms() -> datetime:
    """As ClickHouse keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


async def test_the_examples_are_answered_as_the_page_says(namespace: Namespace, serve: Serve) -> None:
    (fields, said_fields), (letters, said_letters) = test_analytics_docs.examples(PAGE)
    insert(namespace, test_analytics_docs.little_log(PAGE))
    said = json.loads(said_letters)
    [letter] = said["deadLetters"]
    # The page shows a letter of a day; here it is one of a moment ago, within startTime=-7d.
    recorded_at, stored_at = now_ms() - timedelta(seconds=1), now_ms()
    namespace.query(
        "INSERT INTO {db}.dead_letters (event_id, topic, partition, offset, recorded_at, key, value, reason,"
        f" error_code, stored_at) VALUES ('{letter['id']}', '{namespace.topic}', {letter['partition']},"
        f" {letter['offset']}, '{recorded_at:%F %T.%f}', '{letter['key']}', unhex('1B5B324AFF'), '{letter['reason']}',"
        f" {letter['errorCode']}, '{stored_at:%F %T.%f}')"
    )
    async with serve() as client:
        answered_fields = await client.get(target(fields))
        answered_letters = (await client.get(target(letters))).json()
    assert answered_fields.json() == json.loads(said_fields)
    [answered] = answered_letters["deadLetters"]
    assert {**letter, "recordedAt": answered["recordedAt"], "storedAt": answered["storedAt"]} == answered
    assert datetime.fromisoformat(answered["recordedAt"]) == recorded_at
    assert datetime.fromisoformat(answered["storedAt"]) == stored_at
    assert answered_letters["next"] == said["next"]

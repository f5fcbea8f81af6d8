"""The filters by user, session and id, on a table that had rows before they came."""

import pytest

from deploy.setup.migrate import load, migrate
from kit.clickhouse import connect
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.waiting import wait_until

_BEFORE = 5  # migrations: the next one brings the filters
_ROWS = 100_000
_GRANULES = 13
_DEADLINE_S = 60.0
_FILTERS = ("user_id_filter", "session_id_filter", "event_id_filter")
_INSERT = f"""
INSERT INTO {{db}}.actions (event_id, user_id, session_id, type, time)
SELECT toUUID('00000000-0000-7000-8000-' || leftPad(toString(number), 12, '0')), 'user-' || toString(number % 5000),
    'session-' || toString(number), 'CLICK', toDateTime64('2026-01-10 00:00:00', 6, 'UTC') + number % 5000
FROM numbers({_ROWS})
"""


@pytest.fixture
def grown(empty_namespace: Namespace) -> Namespace:
    """A table that had its rows before the filters, which are complete."""
    empty_namespace.query("CREATE DATABASE {db}")
    in_a_loop_of_its_own(_migrate(empty_namespace, _BEFORE))
    empty_namespace.query(_INSERT)
    in_a_loop_of_its_own(_migrate(empty_namespace, len(load())))
    _await_mutations(empty_namespace)
    return empty_namespace


def test_rows_from_before_get_the_filters_and_the_old_one_goes(grown: Namespace) -> None:
    found = grown.query(
        "SELECT name, data_compressed_bytes > 0 FROM system.data_skipping_indices"
        " WHERE database = '{db}' AND table = 'actions' AND type = 'bloom_filter' ORDER BY name"
    )
    assert found.splitlines() == [f"{name}\t1" for name in sorted(_FILTERS)]
    assert grown.query("SELECT count() FROM {db}.actions FINAL") == str(_ROWS)


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("user_id_filter", "user_id = 'user-777'"),
        ("user_id_filter", "user_id IN ('user-777', 'user-778')"),
        ("session_id_filter", "session_id = 'session-777'"),
        ("event_id_filter", "event_id = '00000000-0000-7000-8000-000000000777'"),
    ],
)
def test_a_filter_leaves_few_granules(grown: Namespace, name: str, condition: str) -> None:
    explained = grown.query(f"EXPLAIN indexes = 1 SELECT count() FROM {{db}}.actions FINAL WHERE {condition}")
    after = explained[explained.index(f"Name: {name}") :]
    left, of = after[after.index("Granules: ") + len("Granules: ") :].split("\n")[0].split("/")
    assert int(of) == _GRANULES
    assert int(left) <= 2


def test_the_statements_may_run_twice(grown: Namespace) -> None:
    for statement in load()[_BEFORE].statements:
        grown.query(statement.replace("ALTER TABLE ", "ALTER TABLE {db}."))
    _await_mutations(grown)
    assert grown.query("SELECT count() FROM {db}.actions FINAL") == str(_ROWS)


async def _migrate(namespace: Namespace, versions: int) -> None:
    client = await connect(namespace.setup_settings(), answer_timeout_s=_DEADLINE_S)
    try:
        await migrate(client, load()[:versions])
    finally:
        await client.close()


def _await_mutations(namespace: Namespace) -> None:
    unfinished = "SELECT count() FROM system.mutations WHERE database = '{db}' AND NOT is_done"
    wait_until(lambda: namespace.query(unfinished) == "0", _DEADLINE_S, "the mutations are done")

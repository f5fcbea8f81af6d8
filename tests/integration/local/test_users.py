"""Each ClickHouse user can do its task and nothing else."""

import contextlib
import http.client
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from deploy.local.passwords import User
from tests.infra import Infra
from tests.namespace import Namespace
from tests.waiting import wait_until

_DENIED = "ACCESS_DENIED"
_INSERT = "INSERT INTO {db}.dead_letters (topic) VALUES ('x')"


def _status(infra: Infra, sql: str, user: User | None) -> int:
    headers = {"X-ClickHouse-User": user.name, "X-ClickHouse-Key": user.password} if user else {}
    request = urllib.request.Request(infra.clickhouse_url + "/", data=sql.encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("role", ["admin", "writer", "reader", "eraser"])
def test_a_wrong_or_empty_password_is_refused(infra: Infra, role: str) -> None:
    name = infra.users[role].name
    assert _status(infra, "SELECT 1", infra.users[role]) == 200
    assert _status(infra, "SELECT 1", User(name, "wrong")) == 403
    assert _status(infra, "SELECT 1", User(name, "")) == 403


@pytest.mark.parametrize("user", [None, User("default", "")])
@pytest.mark.parametrize("settings", ["", " SETTINGS max_sessions_for_user = 9"])
def test_the_default_user_is_not_reachable(infra: Infra, user: User | None, settings: str) -> None:
    assert _status(infra, "SELECT 1" + settings, user) >= 400


@pytest.mark.parametrize(
    "statement",
    [_INSERT, "DROP TABLE {db}.actions", "ALTER TABLE {db}.actions DELETE WHERE 1", "CREATE DATABASE {db}_2"],
)
def test_the_reader_can_change_nothing(namespace: Namespace, statement: str) -> None:
    with pytest.raises(RuntimeError, match=_DENIED):
        namespace.query(statement, "reader")


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE {db}.actions",
        "TRUNCATE TABLE {db}.actions",
        "ALTER TABLE {db}.actions DELETE WHERE 1",
        "CREATE TABLE {db}.t (a Int8) ENGINE = MergeTree ORDER BY a",
    ],
)
def test_the_writer_cannot_remove_or_define_anything(namespace: Namespace, statement: str) -> None:
    with pytest.raises(RuntimeError, match=_DENIED):
        namespace.query(statement, "writer")


_BEYOND_READING = (
    _INSERT,
    "ALTER TABLE {db}.actions UPDATE type = 'x' WHERE 1",
    "ALTER TABLE {db}.actions ADD COLUMN x UInt8",
    "ALTER TABLE {db}.actions APPLY DELETED MASK",
    "DELETE FROM {db}.actions WHERE 1",
    "TRUNCATE TABLE {db}.actions",
    "OPTIMIZE TABLE {db}.actions FINAL",
    "RENAME TABLE {db}.actions TO {db}.other",
    "CREATE TABLE {db}.t (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE t (a Int8)",
    "CREATE FUNCTION f AS x -> x",
    "CREATE USER someone",
    "GRANT SELECT ON *.* TO actionlog_reader",
    "SYSTEM STOP MERGES {db}.actions",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1 ASYNC",
    "SET readonly = 0",
    "SELECT count() FROM {db}.actions SETTINGS readonly = 0",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:1', '{db}', 'actions')",
    "SELECT * FROM clusterAllReplicas('default', '{db}', 'actions')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('x', 'TSV', 'a String')",
    "SELECT * FROM {db}.actions INTO OUTFILE '/tmp/x'",
    "SELECT * FROM system.users",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.processes",
    "SELECT * FROM system.server_settings",
    "SHOW GRANTS FOR actionlog_admin",
)
_BEYOND_ERASING = (
    "DROP TABLE {db}.actions",
    "TRUNCATE TABLE {db}.actions",
    "ALTER TABLE {db}.actions UPDATE type = 'x' WHERE 1",
    "ALTER TABLE {db}.actions MODIFY SETTING max_parts_in_total = 0",
    "OPTIMIZE TABLE {db}.actions FINAL",
    "CREATE TABLE {db}.t (a Int8) ENGINE = MergeTree ORDER BY a",
)


def test_the_reader_does_nothing_but_read_the_tables(namespace: Namespace) -> None:
    """Whatever SQL might be smuggled into a query: ClickHouse itself refuses it."""
    accepted = [statement for statement in _BEYOND_READING if _is_accepted(namespace, statement, "reader")]
    assert accepted == []


def test_the_eraser_deletes_rows_and_defines_nothing(namespace: Namespace) -> None:
    accepted = [statement for statement in _BEYOND_ERASING if _is_accepted(namespace, statement, "eraser")]
    assert accepted == []
    namespace.query("DELETE FROM {db}.actions WHERE user_id = 'u'", "eraser")


def _is_accepted(namespace: Namespace, statement: str, role: str) -> bool:
    try:
        namespace.query(statement, role)
    except RuntimeError:
        return False
    return True


def test_the_writer_inserts_and_reads_back(namespace: Namespace) -> None:
    namespace.query(_INSERT, "writer")
    assert namespace.query("SELECT count() FROM {db}.dead_letters", "writer") == "1"
    assert namespace.query("SELECT count() FROM system.columns WHERE database = '{db}'", "writer") != "0"


def test_the_writer_ends_its_own_query_and_no_one_elses(namespace: Namespace) -> None:
    with _endless_query(namespace, "writer") as mine, _endless_query(namespace, "reader") as others:
        namespace.query(f"KILL QUERY WHERE query_id = '{mine}' SYNC", "writer")
        wait_until(lambda: not _runs(namespace, mine), 30, "the writer's query is gone")
        with contextlib.suppress(RuntimeError):
            namespace.query(f"KILL QUERY WHERE query_id = '{others}' SYNC", "writer")
        assert _runs(namespace, others)


def test_the_reader_sets_its_limits_within_bounds(namespace: Namespace) -> None:
    count = "SELECT count() FROM {db}.actions SETTINGS "
    assert namespace.query(count + "max_execution_time = 0.5, max_memory_usage = 50000000", "reader") == "0"
    for setting in ("max_execution_time = 0", "max_execution_time = 100000", "max_memory_usage = 0", "readonly = 0"):
        with pytest.raises(RuntimeError):
            namespace.query(count + setting, "reader")


def test_no_user_reads_files_or_addresses(infra: Infra) -> None:
    for role in infra.users:
        for source in ("file('x.csv')", "url('http://127.0.0.1:1/', 'LineAsString')"):
            with pytest.raises(RuntimeError, match=_DENIED):
                infra.query(f"SELECT * FROM {source}", role)


def test_even_the_admin_stays_in_the_projects_databases(infra: Infra) -> None:
    with pytest.raises(RuntimeError, match=_DENIED):
        infra.query("CREATE DATABASE other")


@contextlib.contextmanager
def _endless_query(namespace: Namespace, role: str) -> Iterator[str]:
    """A running query of that user; its query_id."""
    query_id = f"{namespace.database}-{role}"
    user = namespace.infra.users[role]
    sql = "SELECT sleepEachRow(1) FROM numbers(60) SETTINGS max_block_size = 1, max_execution_time = 90"
    url = f"{namespace.infra.clickhouse_url}/?{urllib.parse.urlencode({'query_id': query_id})}"
    headers = {"X-ClickHouse-User": user.name, "X-ClickHouse-Key": user.password}

    def run() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            urllib.request.urlopen(urllib.request.Request(url, sql.encode(), headers), timeout=90).read()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: _runs(namespace, query_id), 30, f"{role}'s query runs")
        yield query_id
    finally:
        namespace.query(f"KILL QUERY WHERE query_id = '{query_id}' SYNC")
        thread.join(30)


def _runs(namespace: Namespace, query_id: str) -> bool:
    sql = f"SELECT count() FROM system.processes WHERE query_id = '{query_id}'"
    return namespace.query(sql) == "1"

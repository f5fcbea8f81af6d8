"""A kill between the token and the part: what a sink that trusts tokens loses, and this one does not."""

import threading
import urllib.error

import pytest

from tests.faults import rename_window
from tests.faults.rig import Rig

_COLUMNS = "event_id, user_id, session_id, type, time, utc_offset_minutes, received_at, properties, partition, offset"
_ROWS = 100


@pytest.fixture(autouse=True)
def can_be_traced(rig: Rig) -> None:
    reason = rename_window.obstacle(rig.infra.pid("clickhouse"))
    if reason is not None:
        pytest.skip(reason)


def _insert(rig: Rig, token: str) -> bool:
    """One attempt at a block; whether it was answered with 200."""
    sql = (
        f"INSERT INTO {{db}}.actions ({_COLUMNS}) SETTINGS insert_deduplication_token = '{token}'"
        f" SELECT generateUUIDv4(number), 'user', 'session', 'CLICK', toDateTime64('2026-01-01 00:00:00', 6, 'UTC'), 0,"
        f" now64(6), '{{}}', 0, number FROM numbers({_ROWS})"
    )
    try:
        rig.namespace.query(sql)
    except (OSError, RuntimeError, urllib.error.URLError):
        return False
    return True


def test_a_sink_that_trusts_tokens_loses_the_block(rig: Rig) -> None:
    """Why there is a read-back. Should this fail some day, ClickHouse closes the window by itself."""
    log, answers = rename_window.Log(rig), []
    with rename_window.held_open(rig):
        attempt = threading.Thread(target=lambda: answers.append(_insert(rig, "token")))
        attempt.start()
        log.wait_grown()
        killed = rig.kill("clickhouse")
        attempt.join()
    rig.wait_restarted("clickhouse", killed)
    answers += [_insert(rig, "token"), _insert(rig, "token")]
    assert answers == [False, True, True], "the repeats are answered with 200"
    assert rig.rows() == 0, "and have stored nothing"
    assert _insert(rig, "another token")
    assert rig.rows() == _ROWS


@pytest.mark.timeout(400)
@pytest.mark.parametrize("months", [1, 3])
def test_the_sink_stores_the_block_all_the_same(rig: Rig, months: int) -> None:
    rig.feed(600, months=months).finish(60)
    log = rename_window.Log(rig)
    with rename_window.held_open(rig):
        consumer = rig.consumer()
        log.wait_grown()
        killed = rig.kill("clickhouse")
    rig.wait_restarted("clickhouse", killed)
    rig.wait_rows(600, 120)
    assert consumer.metric("read_backs_total", found="none") >= 2, "a repeat under the known token stored nothing"
    rig.settle(120)


@pytest.mark.timeout(400)
def test_its_successor_stores_the_block_when_both_are_killed_in_the_window(rig: Rig) -> None:
    rig.feed(600).finish(60)
    log = rename_window.Log(rig)
    with rename_window.held_open(rig):
        consumer = rig.consumer()
        log.wait_grown()
        consumer.kill()
        killed = rig.kill("clickhouse")
    rig.wait_restarted("clickhouse", killed)
    rig.consumer()
    rig.settle(120)

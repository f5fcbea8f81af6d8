"""The rig itself: it counts what is wrong, and a run without any fault agrees."""

import pytest

from tests.faults import books
from tests.faults.rig import Rig
from tests.unit.consumer.records import action, record

pytestmark = pytest.mark.ci


def test_without_a_fault_the_books_agree(rig: Rig) -> None:
    feeder = rig.feed(3_000, per_second=3_000)
    rig.write(1, [b"no action"])
    rig.consumer()
    feeder.finish(60)
    seen = rig.settle(60)
    assert (seen.stored.rows.total(), seen.stored.poison.total()) == (3_000, 1)


def test_a_row_too_many_and_a_row_too_few_are_seen(rig: Rig) -> None:
    """Also after a restart of ClickHouse and an OPTIMIZE without FINAL: nothing is merged."""
    twice = action()
    rig.write(0, [record(0, twice).value, record(1).value])
    rig.consumer()
    rig.wait_caught_up()  # it has its answer: it will not look again, and store what is taken away here
    rig.kill_and_wait("clickhouse")
    columns = (
        "event_id, user_id, session_id, type, time, utc_offset_minutes, received_at, properties, partition, offset"
    )
    rig.namespace.query(f"INSERT INTO {{db}}.actions ({columns}) SELECT {columns} FROM {{db}}.actions WHERE offset = 0")
    rig.namespace.query("ALTER TABLE {db}.actions DELETE WHERE offset = 1 SETTINGS mutations_sync = 2")
    rig.namespace.query("OPTIMIZE TABLE {db}.actions")
    with pytest.raises(AssertionError, match=r"1 rows lost.* 1 rows too many"):
        rig.settle(60)
    assert books.merged_parts(rig.namespace) == 0

"""A block over many months of ``time`` is as many inserts, and no kill between them may lose or double a month."""

import pytest

from tests.faults import books
from tests.faults.rig import Rig

_MONTHS = 104
_ROWS = 520  # of a block, at most: it ends between two of Kafka's batches
# A member that loses its partitions before its failpoint may leave an insert behind that it has not counted.
_SETTINGS = {"MAX_BLOCK_ROWS": str(_ROWS), "KAFKA_SESSION_TIMEOUT_MS": "6000"}


def rows_of_inserts(rig: Rig, nth: int) -> int:
    """How many rows the first ``nth`` inserts have, one insert for each month of a block."""
    [position] = books.committed(rig.namespace).values()
    assert position.intent is not None, "a block is begun"
    of_this_block = nth - (_MONTHS if position.committed else 0)
    begun = range(position.committed, position.intent)
    return position.committed + sum(offset % _MONTHS < of_this_block for offset in begun)


@pytest.mark.partitions(1)
@pytest.mark.parametrize("nth", [1, 60, 103, 104, 110])
def test_a_sink_killed_between_the_104_months_of_a_block(rig: Rig, nth: int) -> None:
    rig.feed(2 * _ROWS, months=_MONTHS).finish(120)
    rig.consumer(FAILPOINT=f"after-insert:{nth}", wait=False, **_SETTINGS).wait_killed(120)
    assert rig.rows() == rows_of_inserts(rig, nth), "it was killed between two months"
    rig.consumer(MAX_BLOCK_ROWS="300")  # the begun block has its own end, whatever the successor's limit is
    rig.settle(120)


@pytest.mark.partitions(1)
@pytest.mark.parametrize("nth", [1, 60, 103])
def test_clickhouse_killed_between_the_104_months_of_a_block(rig: Rig, nth: int) -> None:
    rig.feed(2 * _ROWS, months=_MONTHS).finish(120)
    consumer = rig.consumer(FAILPOINT=f"after-insert:{nth}:STOP", wait=False, **_SETTINGS)
    consumer.wait_stopped(120)
    rig.kill_and_wait("clickhouse")
    assert rig.rows() == rows_of_inserts(rig, nth), "what was answered with 200 has survived"
    consumer.resume()
    rig.settle(120)

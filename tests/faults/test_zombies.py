"""A zombie: a member that stands still for longer than its session, is succeeded, and wakes on its way."""

import pytest

from tests.faults.rig import Rig

# The parts of a block are answered one by one, so that a zombie of after-insert:1 still has two to send.
_POINTS = [
    "before-intent:2",
    "after-intent:2",
    "mid-insert:1",
    "mid-insert:2",
    pytest.param("after-insert:1", marks=pytest.mark.ci),
    "after-insert:2",
    "after-insert:3",
    "after-commit:2",
]


@pytest.mark.parametrize("point", _POINTS)
def test_a_zombie_that_wakes_when_its_successor_has_stored_all(rig: Rig, point: str) -> None:
    rig.feed(3_000).finish(60)
    zombie = rig.consumer(FAILPOINT=f"{point}:STOP", wait=False, KAFKA_SESSION_TIMEOUT_MS="1000")
    zombie.wait_stopped()
    rig.consumer()
    rig.wait_rows(3_000, 90)
    feeder = rig.feed(1_000, per_second=500)
    zombie.resume()
    feeder.finish(60)
    rig.settle(90)


@pytest.mark.parametrize("point", _POINTS[:-1])
def test_a_zombie_that_wakes_while_its_successor_recovers(rig: Rig, point: str) -> None:
    """It wakes when the successor has taken over: both send the same block."""
    rig.feed(3_000).finish(60)
    zombie = rig.consumer(FAILPOINT=f"{point}:STOP", wait=False, KAFKA_SESSION_TIMEOUT_MS="1000")
    zombie.wait_stopped()
    rig.consumer().wait_logged("partitions assigned")
    zombie.resume()
    rig.settle(90)

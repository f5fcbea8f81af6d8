"""SIGKILL to the sink at each point of its way, at several passes: its successor loses nothing and doubles nothing."""

import pytest

from tests.faults.rig import Rig

_POINTS = ("before-intent", "after-intent", "mid-insert", "after-insert", "after-commit")
_PASSES = (1, 2, 3, 7, 20)
_IN_CI = {("after-intent", 1), ("mid-insert", 2), ("after-insert", 3)}

# A block has three months: the passes 2 and 3 of mid-insert and after-insert lie between the parts of a block.
_CASES = [
    pytest.param(point, nth, marks=[pytest.mark.ci] if (point, nth) in _IN_CI else [], id=f"{point}-{nth}")
    for point in _POINTS
    for nth in _PASSES
]


@pytest.mark.parametrize(("point", "nth"), _CASES)
def test_a_sink_killed_at_a_point_of_its_way_is_succeeded_exactly(rig: Rig, point: str, nth: int) -> None:
    feeder = rig.feed(1_000_000, per_second=2_000)
    rig.consumer(FAILPOINT=f"{point}:{nth}", wait=False).wait_killed()
    rig.consumer()
    feeder.stop()
    rig.settle(60)


@pytest.mark.parametrize("point", _POINTS)
def test_sinks_killed_one_after_another_at_the_same_point(rig: Rig, point: str) -> None:
    """The recovery is killed too: each successor finds what the one before it left half done."""
    feeder = rig.feed(1_000_000, per_second=1_000)
    for life in range(6):
        rig.consumer(FAILPOINT=f"{point}:{life % 3 + 1}", wait=False, KAFKA_SESSION_TIMEOUT_MS="1000").wait_killed()
    rig.consumer()
    feeder.stop()
    rig.settle(60)

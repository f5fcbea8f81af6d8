"""Members that join and leave while inserts are on their way."""

import itertools
import time

import pytest

from tests.faults.rig import Consumer, Rig

_EVERY_S = 3.0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("for_s", [pytest.param(9.0, marks=pytest.mark.ci), 60.0])
def test_members_join_and_leave_while_inserts_are_on_their_way(rig: Rig, for_s: float) -> None:
    """Every 3 s one joins or one leaves, by SIGTERM and by SIGKILL in turn. Some insert is always running."""
    rig.slow_down_inserts(0.3)
    feeder = rig.feed(1_000_000, per_second=400)
    members = [rig.consumer(), rig.consumer()]
    end, changes = time.monotonic() + for_s, 0
    for changes in itertools.count(1):
        before = time.monotonic()
        _change(rig, members, changes)
        time.sleep(max(0.0, before + _EVERY_S - time.monotonic()))  # the pace is the fault, nothing is waited for
        if time.monotonic() > end:
            break
    feeder.stop()
    rig.settle(120)
    assert changes >= for_s / _EVERY_S / 2


def _change(rig: Rig, members: list[Consumer], turn: int) -> None:
    if len(members) < 3:
        members.append(rig.consumer(wait=False))
    elif turn % 4 == 0:
        members.pop(0).kill()
    else:
        members.pop(0).terminate(30)


@pytest.mark.timeout(400)
def test_an_insert_outlasts_the_time_a_rebalance_gives_it(rig: Rig) -> None:
    """The drain ends first: the insert is left running, and the next owner must end or await it before it looks."""
    rig.slow_down_inserts(2.0)
    rig.feed(3_000).finish(60)
    rig.consumer(REBALANCE_DRAIN_S="0.2")
    rig.wait_inserting()
    rig.consumer(REBALANCE_DRAIN_S="0.2")
    rig.wait_inserting()
    rig.consumer(REBALANCE_DRAIN_S="0.2")
    rig.settle(200)

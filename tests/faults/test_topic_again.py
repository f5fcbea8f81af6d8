"""The topic is deleted and made again under its name: offsets begin again, and mean other records."""

import pytest

from tests.faults.rig import Rig


def test_again_while_the_sink_is_away(rig: Rig) -> None:
    """Fewer, as many, and more records than before at the same offsets: none is dropped by a token of the old ones."""
    for count in (900, 300, 900, 1_500):
        rig.feed(count).finish(60)
        rig.consumer()
        rig.settle(60)
        rig.remember()
        rig.make_topic_again()


@pytest.mark.parametrize("count", [300, 900, 1_500])
def test_again_under_a_running_sink_that_has_stored_all(rig: Rig, count: int) -> None:
    """Also when the new log reaches beyond the old end at once: the sink's next offset exists in both."""
    rig.consumer()
    rig.feed(900).finish(60)
    rig.wait_rows(900)
    rig.wait_caught_up()
    rig.remember()
    rig.make_topic_again()
    rig.feed(count).finish(60)
    rig.wait_rows(900 + count, 90)
    rig.settle(60)


@pytest.mark.parametrize("point", ["after-intent:1", "mid-insert:2", "after-insert:1"])
def test_again_with_a_block_begun_in_the_old_log(rig: Rig, point: str) -> None:
    """What was stored of the old block stays, what was not is gone with its log; the new records are all there."""
    rig.feed(900).finish(60)
    rig.consumer(FAILPOINT=point, wait=False).wait_killed()
    rig.remember_stored()
    rig.make_topic_again()
    rig.feed(600).finish(60)
    rig.consumer()
    rig.settle(90)

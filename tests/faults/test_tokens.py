"""Tokens that ClickHouse has forgotten: its deduplication window is short here, and blocks are retried all the same."""

import pytest

from tests.faults.rig import Rig


@pytest.fixture(autouse=True)
def short_window(rig: Rig) -> None:
    rig.namespace.query("ALTER TABLE {db}.actions MODIFY SETTING non_replicated_deduplication_window = 2")


@pytest.mark.parametrize("point", ["mid-insert:2", "after-insert:1", "after-insert:2", "after-insert:3"])
def test_a_begun_block_is_recovered_when_its_tokens_are_forgotten(rig: Rig, point: str) -> None:
    """Recovery reads back first, and what it finds needs no token."""
    rig.feed(3_000).finish(60)
    rig.consumer(FAILPOINT=point, wait=False).wait_killed()
    for number in range(5):
        rig.insert_elsewhere(f"token-{number}")
    rig.consumer()
    rig.settle(60)


@pytest.mark.parametrize(
    "point", ["after-intent:1", "mid-insert:1", "mid-insert:2", "after-insert:1", "after-insert:2"]
)
def test_a_zombie_wakes_when_its_tokens_are_forgotten(rig: Rig, point: str) -> None:
    """With the tables' own window it must sleep through 10,000 inserts of all partitions: minutes of a busy sink."""
    rig.feed(3_000).finish(60)
    zombie = rig.consumer(FAILPOINT=f"{point}:STOP", wait=False, KAFKA_SESSION_TIMEOUT_MS="1000")
    zombie.wait_stopped()
    rig.consumer()
    rig.wait_rows(3_000, 90)
    zombie.resume()
    rig.settle(90)

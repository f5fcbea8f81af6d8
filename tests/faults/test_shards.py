"""Two shards: one killed in the middle of an insert, and a second one added while blocks are begun."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.intent import Position
from tests import namespace as names
from tests.faults import books
from tests.faults.shards import ShardedRig, status, waits_for
from tests.faults.ways import reasons
from tests.infra import Infra
from tests.shards import Shards, running, sharded
from tests.waiting import wait_until

PARTITIONS = 4
ODD = (1, 3)


@pytest.fixture(scope="module")
def shards(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    with running(tmp_path_factory.mktemp("shards"), infra, 2) as started:
        yield started


@pytest.fixture
def rig(infra: Infra, shards: Shards, tmp_path: Path) -> Iterator[ShardedRig]:
    with sharded(infra, shards, PARTITIONS) as namespace:
        made = ShardedRig(infra, tmp_path, PARTITIONS, namespace)
        try:
            yield made.open()
        finally:
            made.close()


def insert_runs(rig: ShardedRig, shard: int) -> bool:
    sql = f"SELECT count() FROM system.processes WHERE startsWith(query_id, '{rig.namespace.topic}-')"
    return int(rig.at(shard).query(sql)) > 0


def committed(rig: ShardedRig, partition: int) -> Position:
    return books.committed(rig.namespace).get(partition, Position(0))


def shard_of_each(rig: ShardedRig) -> dict[tuple[int, int], int]:
    """Partition and offset of each row: the shard."""
    return {row[:2]: shard for shard, held in enumerate(rig.stored()) for row in held.rows}


def begun(rig: ShardedRig) -> dict[int, Position]:
    """The positions with a block that was begun, by partition."""
    return {number: at for number, at in books.committed(rig.namespace).items() if at.intent is not None}


@pytest.mark.ci
@pytest.mark.timeout(300)
def test_a_shard_killed_in_the_middle_of_an_insert_holds_up_its_own_partitions_only(
    rig: ShardedRig, shards: Shards
) -> None:
    rig.at(1).query("ALTER TABLE {db}.actions ADD COLUMN slow UInt8 DEFAULT sleep(0.3)")
    feeder = rig.feed(1_000_000, per_second=1_000)
    consumer = rig.consumer()
    wait_until(lambda: rig.rows_at(0) > 0 and rig.rows_at(1) > 0, 60, "both shards take rows")
    wait_until(lambda: insert_runs(rig, 1), 60, "an insert runs")
    shards[1].kill()
    try:
        feeder.wait_for(len(feeder.acked) + 2_000)
        feeder.stop()
        wait_until(lambda: "shard 1" in waits_for(consumer, 1), 60, "it says which shard it waits for")
        ends = {number: end for number, end in books.log_ends(rig.namespace, PARTITIONS).items() if number not in ODD}
        for number, end in ends.items():
            wait_until(lambda n=number, e=end: committed(rig, n) == Position(e), 60, "the others go on")  # type: ignore[misc]
        assert not waits_for(consumer, 0)
        assert [entry["partitions"] for entry in status(consumer)["shards"]] == [[0, 2], [1, 3]]
        wait_until(lambda: "shard 1" in reasons(consumer), 60, "it is not ready, and says why")
        wait_until(lambda: consumer.metric("waiting_blocks", shard="1") > 0, 60, "it counts what waits")
        assert consumer.metric("waiting_blocks", shard="0") == 0
    finally:
        shards[1].start()
    rig.wait_caught_up(120)
    assert consumer.metric("read_backs_total") > 0, "what became of the block on its way was looked up"
    rig.settle(60)
    assert all(shard == number % 2 for (number, _), shard in shard_of_each(rig).items())


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "point",
    [
        "after-intent:1",
        "mid-insert:1",
        pytest.param("after-insert:1", marks=pytest.mark.ci),
        "after-insert:2",
        "after-insert:3",
        "after-insert:7",
    ],
)
def test_a_second_shard_is_added_while_blocks_are_begun_on_the_first(rig: ShardedRig, point: str) -> None:
    """Each begun block is finished where it was begun; from its end on the partition goes to its own shard."""
    rig.feed(4_000).finish(60)
    rig.consumer_of(1, wait=False, FAILPOINT=point).wait_killed()
    open_blocks = begun(rig)
    assert open_blocks, "a block was begun"
    rig.consumer_of(2)
    rig.settle(90)
    for (number, offset), shard in shard_of_each(rig).items():
        if number in open_blocks:
            assert shard == (0 if offset < (open_blocks[number].intent or 0) else number % 2)
    assert rig.rows_at(1) > 0, "the second shard is used"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", ["after-intent:2", "mid-insert:2", "after-insert:2"])
def test_a_sink_of_one_shard_wakes_when_one_of_two_has_stored_everything(rig: ShardedRig, point: str) -> None:
    """What it repeats it repeats on the first shard, where its successor has stored that block."""
    rig.feed(4_000).finish(60)
    zombie = rig.consumer_of(1, wait=False, FAILPOINT=f"{point}:STOP", KAFKA_SESSION_TIMEOUT_MS="1000")
    zombie.wait_stopped()
    rig.consumer_of(2)
    rig.wait_rows(4_000, 90)
    zombie.resume()
    rig.settle(90)


@pytest.mark.timeout(300)
def test_a_sink_that_was_not_told_of_the_second_shard_leaves_its_blocks_alone_and_says_so(rig: ShardedRig) -> None:
    """An old setting at one of several sinks: nothing is stored at a wrong place, and the right setting goes on."""
    rig.at(0).query("ALTER TABLE {db}.actions ADD COLUMN slow UInt8 DEFAULT sleep(1)")
    rig.feed(4_000).finish(60)
    first = rig.consumer_of(2, wait=False, FAILPOINT="after-insert:1")
    first.wait_killed()
    named = {number for number, at in begun(rig).items() if at.shard == 1}
    assert named, "the first insert to be answered was the quick shard's"
    untold = rig.consumer_of(1, wait=False)
    wait_until(lambda: "begun on shard 1" in waits_for(untold, 1), 60, "it says what it does not know")
    untold.kill()
    rig.consumer_of(2)
    rig.settle(120)


@pytest.mark.timeout(300)
def test_sinks_are_told_of_a_second_shard_one_after_another_in_the_stream(rig: ShardedRig) -> None:
    feeder = rig.feed(1_000_000, per_second=1_000)
    old = [rig.consumer_of(1), rig.consumer_of(1)]
    rig.wait_rows(1_000)
    for consumer in old:
        consumer.terminate(30)
        rig.consumer_of(2)
        rig.wait_rows(rig.rows() + 1_000)
    feeder.stop()
    rig.settle(120)
    assert rig.rows_at(1) > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("everything", [False, True])
def test_what_a_shard_has_lost_is_stored_again_when_nothing_is_committed(rig: ShardedRig, *, everything: bool) -> None:
    """Instead of a rebuild: the sink finds no offsets and reads back block by block, whoever holds the rows."""
    feeder = rig.feed(4_000)
    feeder.finish(60)
    if not everything:  # some of the shard's partitions stand on the other one
        rig.consumer_of(1)
        rig.wait_rows(1_000)
        rig.stop_consumers()
    rig.consumer_of(2)
    rig.settle(90)
    if everything:
        rig.at(1).query("DROP DATABASE {db} SYNC")
        names.create(rig.namespace, PARTITIONS)
        rig.open()
    else:
        rig.at(1).query("ALTER TABLE {db}.actions DELETE WHERE offset % 3 = 0 SETTINGS mutations_sync = 2")
    rig.namespace = replace(rig.namespace, group=f"{rig.namespace.group}-again")
    for _ in range(2):  # while the second one joins, the first one's doubts are handed over
        rig.consumer_of(2)
    rig.settle(90)

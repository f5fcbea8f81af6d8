"""SIGKILL to ClickHouse and to Kafka while records stream through the sink."""

import random
import time

import pytest

from tests.faults.rig import Rig
from tests.waiting import wait_until

# aiokafka leaves a connection unclosed when its broker is killed at the wrong moment: here, in the feeder.
_may_leave_a_connection = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _pass_some_time(rng: random.Random, longest_s: float) -> None:
    """Not a wait for anything: the moment of a kill is meant to be random."""
    time.sleep(rng.uniform(0, longest_s))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [pytest.param(3, marks=pytest.mark.ci), 20])
def test_clickhouse_killed_at_random_moments(rig: Rig, kills: int) -> None:
    """Twelve months per block: nearly all the time an insert is on its way."""
    rng = random.Random(kills)
    feeder = rig.feed(1_000_000, per_second=2_000, months=12)
    consumer = rig.consumer()
    for _ in range(kills):
        rig.wait_rows(rig.rows() + rng.randrange(1, 1_000))
        _pass_some_time(rng, 0.3)
        rig.kill_and_wait("clickhouse")
    feeder.stop()
    wait_until(lambda: consumer.metric("read_backs_total") >= kills / 2, 60, "most kills met an insert on its way")
    rig.settle(120)


@pytest.mark.parametrize("nth", [pytest.param(1, marks=pytest.mark.ci), 2, 3, 4, 9])
def test_clickhouse_killed_right_after_its_200(rig: Rig, nth: int) -> None:
    """The sink stands still between the answer and the commit: what was acknowledged is there after the restart."""
    rig.feed(3_000).finish(60)
    consumer = rig.consumer(FAILPOINT=f"after-insert:{nth}:STOP", wait=False)
    consumer.wait_stopped()
    before = rig.rows()
    rig.kill_and_wait("clickhouse")
    assert rig.rows() >= before > 0, "what was answered with 200 has survived"  # others were on their way
    consumer.resume()
    rig.settle(60)


@_may_leave_a_connection
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [pytest.param(1, marks=pytest.mark.ci), 8])
def test_kafka_killed_mid_stream(rig: Rig, kills: int) -> None:
    rng = random.Random(kills)
    feeder = rig.feed(1_000_000, per_second=2_000)
    rig.consumer()
    rig.consumer()
    for _ in range(kills):
        rig.wait_rows(rig.rows() + rng.randrange(1, 2_000))
        _pass_some_time(rng, 0.3)
        rig.kill_and_wait("kafka")
    rig.wait_rows(rig.rows() + 1)
    feeder.stop()
    rig.settle(120)


@pytest.mark.parametrize("point", ["after-intent:2", "mid-insert:2", "after-insert:2", "after-insert:3"])
def test_kafka_killed_while_a_block_is_on_its_way(rig: Rig, point: str) -> None:
    """The block's insert goes on, its end can't be committed; the group it was in is gone when Kafka is back."""
    rig.feed(3_000).finish(60)
    consumer = rig.consumer(FAILPOINT=f"{point}:STOP", wait=False)
    consumer.wait_stopped()
    killed = rig.kill("kafka")
    consumer.resume()
    rig.wait_restarted("kafka", killed)
    rig.settle(120)


@_may_leave_a_connection
@pytest.mark.timeout(600)
def test_both_servers_and_the_sink_killed_again_and_again(rig: Rig) -> None:
    rng = random.Random(7)
    feeder = rig.feed(1_000_000, per_second=1_000)
    consumer = rig.consumer()
    for turn in range(9):
        rig.wait_rows(rig.rows() + rng.randrange(1, 1_000), 120)
        _pass_some_time(rng, 0.3)
        if turn % 3 == 0:
            consumer.kill()
            consumer = rig.consumer(wait=False)
        else:
            rig.kill_and_wait("kafka" if turn % 3 == 1 else "clickhouse")
    feeder.stop()
    rig.settle(120)

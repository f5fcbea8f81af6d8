"""Three brokers, three copies of each record: one dies, leadership moves, two die, while a sink drains the topic.

A request is answered in time, 200 or 503; what was answered 200 is in the topic, and the table holds each record of the
topic once. What was sent again after an answer that left it open may stand twice in the topic; FINAL shows it once.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.faults import servers
from tests.faults.cluster import BROKERS, Broker, Cluster
from tests.faults.posters import POSTERS, Posters, posting
from tests.faults.rig import Rig
from tests.infra import Infra

_BACKLOG = 30_000


@pytest.fixture(scope="module")
def servers_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Infra]:
    with servers.running(tmp_path_factory.mktemp("servers"), brokers=3) as infra:
        yield infra


@pytest.fixture
def cluster(rig: Rig) -> Iterator[Cluster]:
    """The brokers, all in sync before the test and after it."""
    brokers = Cluster(rig.namespace)
    brokers.wait_in_sync()
    yield brokers
    brokers.wait_in_sync()


@pytest.fixture
def posters(rig: Rig, cluster: Cluster, tmp_path: Path) -> Iterator[Posters]:
    """Twenty posters, posting."""
    with posting(rig.namespace, tmp_path) as running:
        yield running


def settle(rig: Rig, cluster: Cluster, posters: Posters) -> None:
    """End the posts, and compare: answers with topic, topic with table, table with what readers see."""
    posters.wait_acknowledged(POSTERS)
    posters.stop()
    cluster.wait_in_sync()
    seen = rig.settle(300)
    problems = posters.problems(seen.sent)
    assert not problems, f"{'; '.join(problems)}; answers {posters.answers()}"
    assert rig.namespace.query("SELECT count() FROM {db}.actions FINAL") == str(len(seen.sent.ids))
    print(f"{seen}; answers {dict(posters.answers())}")  # noqa: T201 - the books, shown with -rP


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [pytest.param(1, marks=pytest.mark.ci), 6])
def test_the_leader_of_a_partition_is_killed(rig: Rig, cluster: Cluster, posters: Posters, kills: int) -> None:
    rig.consumer(wait=False)
    for number in range(kills):
        leader = cluster.leaders()[number % rig.partitions]
        rig.kill(leader)
        cluster.wait_led_by_others(leader)
        posters.wait_acknowledged(POSTERS)
        cluster.wait_in_sync()
    settle(rig, cluster, posters)


@pytest.mark.timeout(1800)
def test_leadership_moves_away_from_brokers_that_are_restarted_and_back(
    rig: Rig, cluster: Cluster, posters: Posters
) -> None:
    """As in a rolling upgrade: each broker is asked to stop, comes back, and is elected again."""
    rig.consumer(wait=False)
    first = cluster.leaders()
    for broker in BROKERS:
        servers.ask_to_stop(rig.infra, broker)
        cluster.wait_led_by_others(broker)
        posters.wait_acknowledged(POSTERS)
        cluster.wait_in_sync()
        cluster.prefer_first_replicas()
        cluster.wait_leaders(first)
    settle(rig, cluster, posters)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("who", ["leader", "coordinator"])
def test_a_broker_is_killed_in_the_middle_of_the_sinks_drain(
    rig: Rig, cluster: Cluster, who: Literal["leader", "coordinator"]
) -> None:
    """Of a backlog, in small blocks: the leader of a partition, and the broker that keeps the group and its offsets."""
    rig.slow_down_inserts(0.05)
    rig.feed(_BACKLOG).finish(300)
    rig.consumer(MAX_BLOCK_ROWS="200", wait=False)
    rig.wait_rows(1)
    victim = cluster.leaders()[0] if who == "leader" else cluster.coordinator()
    rig.kill(victim)
    assert 0 < rig.rows() < _BACKLOG, "the kill met the drain"
    cluster.wait_led_by_others(victim)
    rig.settle(300)


@pytest.mark.timeout(1800)
def test_two_of_three_brokers_die_and_come_back(rig: Rig, cluster: Cluster, posters: Posters) -> None:
    """No majority, and one copy where two are asked for: everything is refused, in time, until they are there again."""
    rig.consumer(wait=False)
    rng = random.Random(3)
    for _ in range(3):
        dead: list[Broker] = rng.sample(BROKERS, 2)
        for broker in dead:
            rig.kill(broker)
        posters.wait_refused(POSTERS)
        cluster.wait_in_sync()
        posters.wait_acknowledged(POSTERS)
    settle(rig, cluster, posters)

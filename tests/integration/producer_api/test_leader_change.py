"""The API on three brokers, one of which stops leading: answered in time, nothing acknowledged lost or doubled.

The same with the sink, several times over and with two brokers dead: tests/faults/test_brokers.py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil
import pytest

from deploy.setup.topic import ensure_topic
from tests import namespace as names
from tests.faults import books, servers
from tests.faults.cluster import Broker, Cluster
from tests.faults.posters import POSTERS, posting
from tests.infra import Infra
from tests.namespace import Namespace

PARTITIONS = 3


@pytest.fixture(scope="module")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Infra]:
    with servers.running(tmp_path_factory.mktemp("servers"), brokers=3) as infra:
        yield infra


@pytest.fixture
def topic_on_three(three_brokers: Infra) -> Iterator[Namespace]:
    """A topic of the test's own, three copies of each record, all brokers in sync before the test and after it."""
    fresh = names.new(three_brokers)
    names.in_a_loop_of_its_own(ensure_topic(fresh.setup_settings(PARTITIONS)))
    Cluster(fresh).wait_in_sync()
    yield fresh
    Cluster(fresh).wait_in_sync()
    names.drop(fresh)


def _end_leadership(infra: Infra, leader: Broker, how: Literal["killed", "asked to stop", "frozen"]) -> None:
    if how == "killed":
        servers.kill(infra, leader)
    elif how == "asked to stop":
        servers.ask_to_stop(infra, leader)
    else:
        psutil.Process(infra.pid(leader)).suspend()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", ["killed", "asked to stop", "frozen"])
def test_a_broker_that_leads_a_partition_is(
    topic_on_three: Namespace, tmp_path: Path, how: Literal["killed", "asked to stop", "frozen"]
) -> None:
    """Frozen: its connections stay open, and when it wakes it still takes itself for the leader."""
    cluster = Cluster(topic_on_three)
    first = cluster.leaders()
    with posting(topic_on_three, tmp_path) as posters:
        _end_leadership(topic_on_three.infra, first[0], how)
        cluster.wait_led_by_others(first[0])
        posters.wait_acknowledged(POSTERS)
        if how == "frozen":
            psutil.Process(topic_on_three.infra.pid(first[0])).resume()
        cluster.wait_in_sync()
        cluster.prefer_first_replicas()
        cluster.wait_leaders(first)
        posters.wait_acknowledged(POSTERS)
    problems = posters.problems(books.sent(topic_on_three, PARTITIONS))
    assert not problems, f"{'; '.join(problems)}; answers {posters.answers()}"

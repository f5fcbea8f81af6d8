"""Everything at once, at random: kills, pauses, leavers, joiners and a bad network, while two kinds of writers write.

FAULTS_SEED repeats a run (the faults and their order; not the machine's pace). FAULTS_MINUTES is how long the faults go
on, 0.5 by default. Shown at the end: what was done, how often, and the books.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import ways as proxied
from tests.faults.books import Books
from tests.faults.clients import Clients
from tests.faults.feeder import Feeder
from tests.faults.mischief import Mischief
from tests.faults.rig import Rig
from tests.faults.ways import Ways
from tests.infra import Infra
from tests.ports import free_ports
from tests.services import Service
from tests.waiting import wait_until

MINUTES = float(os.environ.get("FAULTS_MINUTES", "0.5"))
# Timeouts that faults of some seconds pass.
SETTINGS = {
    "FLUSH_AFTER_MS": "300",
    "INSERT_TIMEOUT_S": "1.5",
    "READ_BACK_TIMEOUT_S": "3",
    "CLICKHOUSE_CONNECT_TIMEOUT_S": "1",
    "KAFKA_REQUEST_TIMEOUT_MS": "1500",
}
# Nothing is merged, so that every duplicate is seen: a long run has many parts.
_MANY_PARTS = "parts_to_delay_insert = 1000000, parts_to_throw_insert = 1000000"


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    with proxied.running(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="module")
def servers_of_its_own(ways: Ways) -> Infra:
    """The rig's servers: here those behind the proxies."""
    return ways.infra


@pytest.fixture
def producer(rig: Rig, ways: Ways, tmp_path: Path) -> Iterator[Service]:
    """The real producer API, which reaches Kafka by the proxy too."""
    port = free_ports(1)[0]
    values = {"HOST": "127.0.0.1", "PORT": str(port), "KAFKA_BOOTSTRAP_SERVERS": ways.kafka.address}
    environment = rig.namespace.environment("producer_api") | {
        f"PRODUCER_{name}": text for name, text in values.items()
    }
    service = Service("producer_api", port, environment, tmp_path / "producer.log").start()
    yield service
    service.close()


@pytest.mark.partitions(5)
# aiokafka leaves a connection unclosed when its broker is killed at the wrong moment: here, in the feeder.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.timeout(MINUTES * 60 + 400)
def test_faults_at_random_lose_nothing_and_double_nothing(
    rig: Rig, ways: Ways, producer: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or random.randrange(10**6))
    rig.namespace.query(f"ALTER TABLE {{db}}.actions MODIFY SETTING {_MANY_PARTS}")
    mischief = Mischief(rig, ways, producer, {**ways.settings, **SETTINGS}, seed)
    feeder = rig.feed(10**9, per_second=400, months=2)
    clients = Clients(lambda: producer.url, 3).start()
    try:
        mischief.run(MINUTES * 60)
        ways.restore()
        rig.wait_up()
        feeder.stop()
        clients.stop()
        producer.kill()  # what it did not acknowledge it may send still, after the books are read
        seen = rig.settle(150)
        assert feeder.error is None
        every_writer_got_what_it_was_promised(rig, feeder, clients, seen)
    except BaseException as error:
        error.add_note(f"seed {seed}\n" + "\n".join(mischief.done))
        raise
    finally:
        mischief.let_be()
        ways.restore()
        clients.stop()
    told = [
        f"seed {seed}, {MINUTES:g} min: {sum(mischief.counts.values())} faults and healings: {mischief.tally}",
        f"{ways.kafka.hits} messages to and from Kafka cut, {ways.clickhouse.hits} of ClickHouse",
        f"feeder: {len(feeder.acked)} ids acknowledged, {len(feeder.unsure)} unsure",
        f"clients: {len(clients.acknowledged)} of {len(clients.sent)} ids acknowledged, {clients.repeats} repeats",
        str(seen),
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(told) + "\n")


def every_writer_got_what_it_was_promised(rig: Rig, feeder: Feeder, clients: Clients, seen: Books) -> None:
    """The books agree record by record; this asks for the ids: what the feeder wrote once is one row without FINAL."""
    rows = Counter(event_id for _, _, event_id in seen.stored.rows.elements())
    written_once = {event_id: rows[event_id] for event_id in feeder.acked if rows[event_id] != 1}
    assert not written_once, f"{len(written_once)} ids written once are not one row: {list(written_once.items())[:5]}"
    assert max((rows[event_id] for event_id in feeder.unsure), default=0) <= 1
    unkept = clients.acknowledged - rows.keys()
    assert not unkept, f"{len(unkept)} acknowledged actions are not stored: {list(unkept)[:5]}"
    assert rows.keys() <= clients.sent | feeder.acked | feeder.unsure
    final = "SELECT count(), uniqExact(event_id) FROM {db}.actions FINAL"
    wait_until(lambda: rig.namespace.query(final) == f"{len(rows)}\t{len(rows)}", 30, "through FINAL, each id once")

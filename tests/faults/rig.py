"""The rig of a fault test: a topic and tables on servers that may be killed, consumers that may be killed, a feeder.

feeder = rig.feed(20_000, per_second=2_000)     # writes in the background, through every fault
first = rig.consumer(FAILPOINT="after-intent")  # a real process; CONSUMER_ settings without their prefix
first.wait_killed()                             # …which kills itself there
rig.consumer()
feeder.finish(60)
rig.settle(60)                                  # caught up, then: each record one row, and no row else
"""

import itertools
import re
import signal
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import httpx
import psutil
from uuid_utils import uuid7

from tests import namespace as names
from tests.faults import books, servers
from tests.faults.books import Books, Held
from tests.faults.feeder import Feeder
from tests.faults.servers import Server
from tests.infra import Infra
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.services import Service
from tests.waiting import wait_until

# Quick to flush, to repeat and to be given up; small blocks, so that a fault meets many of them.
QUICK = {
    "FLUSH_AFTER_MS": "50",
    "MAX_BLOCK_ROWS": "500",
    "KAFKA_SESSION_TIMEOUT_MS": "2000",
    "BACKOFF_FIRST_MS": "20",
    "BACKOFF_MAX_MS": "200",
    "REBALANCE_DRAIN_S": "1",
}

_ELSEWHERE = 1_000_000  # a partition that no topic here has


class Consumer(Service):
    """A consumer process that a fault may have ended."""

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait_stopped(self, deadline_s: float = 60) -> None:
        """Until its failpoint has stopped it, as a long pause of the machine would; ``resume()`` ends the pause."""
        process = psutil.Process(self.pid)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, deadline_s, "it stands still")

    def wait_logged(self, words: str, deadline_s: float = 60) -> None:
        wait_until(lambda: words in self.log, deadline_s, f"its log says {words!r}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels; ``name`` without its prefix actionlog_sink_."""
        total = 0.0
        for line in httpx.get(f"{self.url}/metrics", timeout=30).text.splitlines():
            if re.match(rf"actionlog_sink_{name}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def wait_killed(self, deadline_s: float = 60) -> None:
        """Until its failpoint has killed it."""
        code = self.wait(deadline_s)
        assert code == -signal.SIGKILL, f"it ended with {code}:\n{self.log[-4000:]}"


class Rig:
    """One test's world. Everything it starts is ended by ``close()``."""

    def __init__(self, infra: Infra, folder: Path, partitions: int) -> None:
        self.infra = infra
        self.partitions = partitions
        self.namespace: Namespace = names.new(infra)
        self.consumers: list[Consumer] = []
        self.feeders: list[Feeder] = []
        self._folder = folder
        self._numbers = itertools.count()
        self._past = Held()

    def open(self) -> "Rig":
        """Make topic and tables, once both servers are back from what an earlier test did to them."""
        self.wait_up()
        names.create(self.namespace, self.partitions)
        books.stop_merges(self.namespace)
        return self

    def close(self) -> None:
        self.stop_all()
        self.wait_up()
        names.drop(self.namespace)

    def stop_all(self) -> None:
        """Its feeders and its consumers."""
        for feeder in self.feeders:
            feeder.stop()
        for consumer in self.consumers:
            consumer.close()

    # Feeding

    def feed(self, total: int, *, per_second: int | None = None, months: int = 3) -> Feeder:
        """Start writing ``total`` valid records of new ids in the background."""
        feeder = Feeder(self.namespace, self.partitions, total, per_second=per_second, months=months)
        self.feeders.append(feeder)
        return feeder.start()

    def write(self, partition: int, values: Sequence[bytes | None]) -> None:
        """Append values of the test's own making; returns when Kafka has them."""
        names.in_a_loop_of_its_own(topic.write(self.namespace, partition, values))

    # Consumers

    def consumer(self, *, wait: bool = True, **settings: str) -> Consumer:
        """Start one more consumer process: ``QUICK`` and these settings, without the prefix CONSUMER_."""
        port = free_ports(1)[0]
        own = {"HOST": "127.0.0.1", "PORT": str(port), **QUICK, **settings}
        environment = self.namespace.environment("consumer") | {f"CONSUMER_{name}": text for name, text in own.items()}
        log = self._folder / f"consumer-{next(self._numbers)}.log"
        service = Consumer("consumer", port, environment, log)
        self.consumers.append(service)
        service.start(wait=wait)
        return service

    def stop_consumers(self, deadline_s: float = 30) -> None:
        """SIGTERM to all that still run; each must end by itself, with 0, or be told before it had started."""
        for consumer in [consumer for consumer in self.consumers if consumer.is_running]:
            code = consumer.terminate(deadline_s)
            told_too_early = code == -signal.SIGTERM and not consumer.log
            assert code == 0 or told_too_early, f"a consumer ended with {code}:\n{consumer.log[-4000:]}"

    # Servers

    def kill(self, server: Server) -> int:
        """SIGKILL ``kafka`` or ``clickhouse``: the pid it had. It is started again at once."""
        return servers.kill(self.infra, server)

    def kill_and_wait(self, server: Server) -> None:
        """The same, and return when it answers again."""
        self.wait_restarted(server, self.kill(server))

    def wait_restarted(self, server: Server, killed_pid: int) -> None:
        servers.wait_restarted(self.infra, server, killed_pid)

    def wait_up(self, which: Iterable[Server] = ("kafka", "clickhouse")) -> None:
        for server in which:
            wait_until(lambda server=server: servers.is_up(self.infra, server), 90, f"{server} answers")  # type: ignore[misc]

    # ClickHouse's tables

    def slow_down_inserts(self, seconds: float) -> None:
        """Each insert into the actions takes so much longer (3 s at most): its moment is easier to meet."""
        self.namespace.query(f"ALTER TABLE {{db}}.actions ADD COLUMN slow UInt8 DEFAULT sleep({seconds})")

    def wait_inserting(self, deadline_s: float = 60) -> None:
        """Until an insert of this namespace runs."""
        sql = f"SELECT count() FROM system.processes WHERE startsWith(query_id, '{self.namespace.topic}-')"
        wait_until(lambda: int(self.infra.query(sql)) > 0, deadline_s, "an insert runs")

    def insert_elsewhere(self, token: str) -> None:
        """A row of no position that is expected in the books, under a token that pushes another one out."""
        event_id = str(uuid7())
        self._past.rows[_ELSEWHERE, 0, event_id] += 1
        self.namespace.query(
            "INSERT INTO {db}.actions (event_id, type, time, partition)"
            f" SETTINGS insert_deduplication_token = '{token}'"
            f" VALUES ('{event_id}', 'ELSEWHERE', '2020-01-14 12:00:00', {_ELSEWHERE})"
        )

    # The books

    def remember(self) -> None:
        """Before the topic is deleted: what it holds now is expected in the table from then on."""
        self._past += books.sent(self.namespace, self.partitions)

    def remember_stored(self) -> None:
        """The same of what is stored, where not all of the topic is."""
        self._past += books.stored(self.namespace)

    def make_topic_again(self) -> None:
        """Delete the topic and make it again under its name, empty; what feeders wrote is not looked for any more."""
        names.in_a_loop_of_its_own(names._delete_topic(self.namespace))
        wait_until(lambda: not books.topic_exists(self.namespace), 60, "the topic is gone")
        names.create(self.namespace, self.partitions)
        self.feeders.clear()

    def rows(self) -> int:
        """Rows stored so far; -1 while ClickHouse is away."""
        try:
            return int(self.namespace.query("SELECT count() FROM {db}.actions"))
        except (OSError, RuntimeError):
            return -1

    def wait_rows(self, at_least: int, deadline_s: float = 60) -> None:
        wait_until(lambda: self.rows() >= at_least, deadline_s, f"{at_least} rows are stored")

    def is_caught_up(self) -> bool:
        return books.is_caught_up(self.namespace, self.partitions)

    def wait_caught_up(self, deadline_s: float = 60) -> None:
        wait_until(self.is_caught_up, deadline_s, "the group has committed the end of every partition")

    def books(self, refused: Collection[str] = ()) -> Books:
        """``refused``: ids of actions that ClickHouse does not take, expected among the dead letters."""
        sent = (self._past + books.sent(self.namespace, self.partitions)).without(refused)
        return Books(sent, books.stored(self.namespace), books.merged_parts(self.namespace))

    def settle(self, deadline_s: float, *, refused: Collection[str] = ()) -> Books:
        """Wait until the group has committed the log's end, stop the consumers, and compare record by record."""
        self.wait_up()
        try:
            self.wait_caught_up(deadline_s)
        except AssertionError as error:
            error.add_note(f"{self.books(refused)}; committed {books.committed(self.namespace)}")
            for consumer in self.consumers:
                error.add_note(consumer.log[-2000:])
            raise
        self.stop_consumers()
        seen = self.books(refused)
        lost_by_kafka = (
            {event_id for feeder in self.feeders for event_id in feeder.acked} - seen.sent.ids - set(refused)
        )
        assert not lost_by_kafka, f"{len(lost_by_kafka)} acknowledged records are not in the topic: the test is void"
        assert not seen.problems(), f"{seen}: {'; '.join(seen.problems())}"
        return seen

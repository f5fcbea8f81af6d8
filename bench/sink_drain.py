"""Draining the backlog: by the sink, by two sinks, by ClickHouse's own Kafka engine; and the limits beside them.

Starting a process and joining a group is in no rate: the clock of the sink, and of the Kafka engine, starts when it has
its partitions, that of the limits when they fetch or insert. The engine's stops when nine tenths of the rows are there,
which favours it: its last, partial blocks wait for a timer. Rows are counted in the table every twentieth of a second,
without FINAL.
"""

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bench import stack
from bench.cpu import CpuMeter
from bench.sink_backlog import PARTITIONS, TOPIC
from bench.sink_servers import Pair
from bench.stack import StackError
from deploy.local import ports
from deploy.local.child import tie_to_parent
from deploy.local.services import SERVICES, environment
from deploy.setup import SetupSettings, apply

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_SINK: Final = next(service for service in SERVICES if service.module == "consumer")
_POLL_S: Final = 0.05
_DEADLINE_S: Final = 300.0
_STOP_S: Final = 20.0
_HTTP_S: Final = 10.0
_STABLE: Final = "'Stable'"
_number = itertools.count(1)

# What a user of ClickHouse's own Kafka engine would write for our records, with the settings that made it fastest.
_ENGINE: Final = """
CREATE TABLE kafka_queue
(
    event_id UUID, user_id String, session_id String, type LowCardinality(String), time DateTime64(6, 'UTC'),
    utc_offset_minutes Int16, received_at DateTime64(6, 'UTC'), properties String, clock_skew_ms Nullable(Int64)
)
ENGINE = Kafka('{servers}', '{topic}', '{group}', 'JSONEachRow')
SETTINGS kafka_num_consumers = {consumers}, kafka_thread_per_consumer = {threads}, kafka_max_block_size = 65536,
    kafka_poll_max_batch_size = 65536, date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1
"""
_VIEW: Final = """
CREATE MATERIALIZED VIEW kafka_to_actions TO actions AS
SELECT *, _partition AS partition, _offset AS offset FROM kafka_queue
"""


@dataclass(frozen=True)
class Drain:
    """``rows`` stored in ``seconds``, for so many CPU seconds of each process meanwhile."""

    rows: int
    seconds: float
    cpu_s: Mapping[str, float]
    others_percent: float = 0.0

    @property
    def per_s(self) -> float:
        return self.rows / self.seconds

    def us(self, name: str) -> float:
        """CPU of one process, per row; of all that begin with the name."""
        return sum(seconds for one, seconds in self.cpu_s.items() if one.startswith(name)) * 1e6 / self.rows


def new_database(pair: Pair) -> str:
    """An empty database with the project's tables, durable as ever."""
    name = f"actionlog_bench_{next(_number)}"
    admin = pair.clickhouse.users["admin"]
    settings = SetupSettings.model_validate(
        {
            "kafka_bootstrap_servers": pair.kafka.servers,
            "kafka_topic": TOPIC,
            "topic_partitions": PARTITIONS,
            "clickhouse_url": pair.clickhouse.url,
            "clickhouse_database": name,
            "clickhouse_user": admin.name,
            "clickhouse_password": admin.password,
        }
    )
    asyncio.run(apply(settings))
    return name


def by_sink(pair: Pair, total: int, folder: Path, *, processes: int = 1) -> Drain:
    """The backlog by the sink, protocol and all, from the first record on, into an empty table."""
    database = new_database(pair)
    with contextlib.ExitStack() as running:
        sinks = [running.enter_context(_sink(pair, database, folder, n)) for n in range(processes)]
        _await_assignment(sinks[0])
        drain = _watch(pair, database, total, {f"sink{n}": sink.pid for n, sink in enumerate(sinks)})
        _await_exactly(pair, database, total)
        return drain


@contextlib.contextmanager
def drained(pair: Pair, total: int, folder: Path) -> Iterator[tuple[str, "Sink"]]:
    """A sink that has stored the whole backlog and goes on running, and its database."""
    database = new_database(pair)
    with _sink(pair, database, folder, 0) as sink:
        _await_rows(pair, database, total)
        yield database, sink


def by_kafka_engine(pair: Pair, total: int, *, consumers: int, threads: bool) -> Drain:
    """The backlog by ClickHouse's own Kafka engine and a materialized view, into an equal table."""
    database = new_database(pair)
    engine = _ENGINE.format(
        servers=pair.kafka.servers, topic=TOPIC, group=database, consumers=consumers, threads=int(threads)
    )
    pair.clickhouse.ask(engine, database)
    pair.clickhouse.ask(_VIEW, database)
    try:
        asyncio.run(_await_members(pair, database))
        drain = _watch(pair, database, round(0.9 * total), {})
        _await_exactly(pair, database, total)
        return drain
    finally:
        pair.clickhouse.ask("DROP TABLE kafka_to_actions SYNC", database)
        pair.clickhouse.ask("DROP TABLE kafka_queue SYNC", database)


def by_limit(pair: Pair, limit: str) -> Drain:
    """One of bench.sink_limits."""
    cpu = CpuMeter(pair.pids)
    output = subprocess.run(
        [sys.executable, "-m", "bench.sink_limits", limit, pair.kafka.servers],
        cwd=_CHECKOUT,
        env=_sink_environment(pair, new_database(pair)),
        stdout=subprocess.PIPE,
        check=True,
        timeout=_DEADLINE_S,
    ).stdout
    run = json.loads(output)
    return Drain(round(run["records"]), run["seconds"], {**cpu.spent_s(), limit: run["cpu_s"]})


def _watch(pair: Pair, database: str, rows: int, pids: Mapping[str, int]) -> Drain:
    """From now until so many rows are stored. Raises StackError when it takes too long, or there is nothing to see."""
    first = pair.clickhouse.rows(database)
    cpu, began_s = CpuMeter({**pair.pids, **pids}), time.monotonic()
    last = _await_rows(pair, database, rows)
    if last == first:
        raise StackError("the backlog is too small: all of it was stored before the clock started")
    return Drain(last - first, time.monotonic() - began_s, cpu.spent_s(), cpu.others_percent())


def _await_exactly(pair: Pair, database: str, total: int) -> None:
    if (stored := _await_rows(pair, database, total)) != total:
        raise StackError(f"{stored} rows are stored of {total} records")


async def _await_members(pair: Pair, group: str) -> None:
    """Until the group has given its partitions to its members."""
    admin = AIOKafkaAdminClient(bootstrap_servers=pair.kafka.servers)
    await admin.start()
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not await _is_stable(admin, group):  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(_POLL_S)
    finally:
        await admin.close()


async def _is_stable(admin: AIOKafkaAdminClient, group: str) -> bool:
    try:
        return _STABLE in str(await admin.describe_consumer_groups([group]))
    except KafkaError:  # nobody coordinates it yet
        return False


def _await_assignment(sink: "Sink") -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while "\nactionlog_sink_rebalances_total 0.0\n" in (text := sink.metrics()) or not text:
        if sink.process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"the sink got no partitions:\n{sink.log.read_text(errors='replace')}")
        time.sleep(_POLL_S)


def _await_rows(pair: Pair, database: str, rows: int) -> int:
    deadline = time.monotonic() + _DEADLINE_S
    while (stored := pair.clickhouse.rows(database)) < rows:
        if time.monotonic() > deadline:
            raise StackError(f"{stored} rows are stored, not {rows}, after {_DEADLINE_S:g} s")
        time.sleep(_POLL_S)
    return stored


@dataclass(frozen=True)
class Sink:
    """A running consumer process."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def metrics(self) -> str:
        """What it says at /metrics; nothing while it starts."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/metrics", timeout=_HTTP_S) as answer:  # noqa: S310
            return str(answer.read().decode())
        return ""


@contextlib.contextmanager
def _sink(pair: Pair, database: str, folder: Path, n: int) -> Iterator[Sink]:
    log, own = folder / f"{database}-{n}.log", _sink_environment(pair, database)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "consumer"],
            cwd=_CHECKOUT,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=tie_to_parent(),
        )
    try:
        yield Sink(process, f"http://{ports.HOST}:{own['CONSUMER_PORT']}", log)
        if process.poll() is not None:
            raise StackError(f"the sink ended:\n{log.read_text(errors='replace')}")
    finally:
        stack.stop(process, _STOP_S)


def _sink_environment(pair: Pair, database: str) -> dict[str, str]:
    own = environment(
        _SINK,
        kafka=pair.kafka.servers,
        topic=TOPIC,
        clickhouse_url=pair.clickhouse.url,
        database=database,
        users=pair.clickhouse.users,
    )
    (port,) = ports.free_ports(1)
    fixed = {"CONSUMER_PORT": str(port), "CONSUMER_HOST": ports.HOST, "CONSUMER_KAFKA_GROUP": database}
    return {**stack.kept_environment(), **own, **fixed}

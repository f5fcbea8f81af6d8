"""The sink when little happens: its CPU without any record, and one action a second."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from uuid_utils import uuid7

from bench import sink_drain
from bench.cpu import CpuMeter
from bench.quantiles import percentile
from bench.report import Paper
from bench.sink_backlog import PARTITIONS, TOPIC, end_of
from bench.sink_servers import Pair
from contract.record import ActionRecord, encode

_POLL_S: Final = 0.02
_VISIBLE_S: Final = 30.0


@dataclass(frozen=True)
class Quiet:
    """idle_percent of one core without records; then one action a second: parts it made a minute, time to be seen."""

    idle_percent: float
    idle_inserts: int
    parts_per_minute: float
    visible_p50_ms: float
    visible_p99_ms: float


def measure(pair: Pair, folder: Path, paper: Paper, *, seconds: int) -> Quiet:
    """One sink at the end of the topic: idle, then trickled on."""
    paper.note(f"Idle for {seconds} s, then one action a second for {seconds} s")
    total = asyncio.run(end_of(pair.kafka.servers))
    with ExitStack() as running:
        database, sink = running.enter_context(sink_drain.drained(pair, total, folder))
        before = _parts(pair, database)
        cpu = CpuMeter({"sink": sink.pid})
        time.sleep(seconds)
        idle_s, idle_inserts = cpu.spent_s()["sink"], _parts(pair, database) - before
        began = _parts(pair, database)
        visible_ms = asyncio.run(_trickle(pair, database, seconds))
        parts = _parts(pair, database) - began
    return Quiet(
        idle_percent=100 * idle_s / seconds,
        idle_inserts=idle_inserts,
        parts_per_minute=parts * 60 / seconds,
        visible_p50_ms=percentile(visible_ms, 50),
        visible_p99_ms=percentile(visible_ms, 99),
    )


async def _trickle(pair: Pair, database: str, seconds: int) -> Sequence[float]:
    """One action a second, each on the next partition: milliseconds from its acknowledgement until it is seen."""
    visible_ms = []
    async with AIOKafkaProducer(bootstrap_servers=pair.kafka.servers, acks="all") as producer:
        for n in itertools.islice(itertools.cycle(range(PARTITIONS)), seconds):
            now = datetime.now(UTC)
            record = ActionRecord(str(uuid7()), "quiet", "quiet", "CLICK", now, 0, now, msgspec.Raw(b"{}"))
            await producer.send_and_wait(TOPIC, encode(record), b"quiet", partition=n)
            began_s = time.monotonic()
            visible_ms.append(1000 * await _seen_after(pair, database, record.event_id, began_s))
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began_s)))
    return visible_ms


async def _seen_after(pair: Pair, database: str, event_id: str, began_s: float) -> float:
    sql = f"SELECT count() FROM actions WHERE event_id = '{event_id}' AND user_id = 'quiet'"  # noqa: S608 - our own id
    while time.monotonic() < began_s + _VISIBLE_S:
        if pair.clickhouse.ask(sql, database) != "0":
            return time.monotonic() - began_s
        await asyncio.sleep(_POLL_S)
    raise OSError(f"an action was not seen within {_VISIBLE_S:g} s")


def _parts(pair: Pair, database: str) -> int:
    """Parts that inserts have made so far: those that merges made have a higher level and take numbers too."""
    sql = "SELECT max(max_block_number) FROM system.parts WHERE table = 'actions'"
    return int(pair.clickhouse.ask(f"{sql} AND database = '{database}'"))

"""The wall clock jumps, and times lie years apart: the sink counts its durations on the monotonic clock alone.

The consumer's clock is really moved, by a library that is preloaded into its process (wall_clock.c, built with the
machine's C compiler). The clocks of Kafka and ClickHouse are not: what is shown is what the sink does.
"""

import os
import shutil
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from contract.record import EARLIEST_TIME, LATEST_TIME, encode
from tests.faults.rig import Rig
from tests.namespace import in_a_loop_of_its_own
from tests.unit.consumer.records import action

_YEAR_S = 365 * 86_400
_SOURCE = Path(__file__).with_name("wall_clock.c")


class WallClock:
    """The wall clock of the processes that are started with ``environment``."""

    def __init__(self, folder: Path) -> None:
        library, self._ahead = folder / "wall_clock.so", folder / "ahead"
        self.jump_to(0)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "WALL_CLOCK_AHEAD": str(self._ahead)}

    def tells(self) -> float:
        """What a process like the sink's reads on it: seconds since 1970."""
        words = [sys.executable, "-c", "import time; print(time.time())"]
        told = subprocess.run(words, env=os.environ | self.environment, capture_output=True, text=True, check=True)
        return float(told.stdout)

    def jump_to(self, seconds_ahead: int) -> None:
        """In one step, at once, also in processes that run; written in place, since they have it mapped."""
        with self._ahead.open("r+b" if self._ahead.exists() else "wb") as out:
            out.write(struct.pack("=q", seconds_ahead))


@pytest.fixture
def wall_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """Whatever this test starts has it."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler to build the clock with")
    clock = WallClock(tmp_path)
    clock.jump_to(-10 * _YEAR_S)
    assert clock.tells() < time.time() - 9 * _YEAR_S, "else these tests show nothing"
    clock.jump_to(0)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    return clock


def test_the_wall_clock_jumps_forth_and_back(rig: Rig, wall_clock: WallClock) -> None:
    feeder = rig.feed(1_000_000, per_second=500)
    consumers = [rig.consumer(), rig.consumer()]
    for ahead in (3_600, -3_600, 10 * _YEAR_S, -10 * _YEAR_S, 0):
        wall_clock.jump_to(ahead)
        rig.wait_rows(rig.rows() + 500)
    feeder.stop()
    rig.settle(60)
    assert not [c for c in consumers if "the group moved on" in c.log], "no session ended by it"


def test_a_zombie_wakes_in_another_year(rig: Rig, wall_clock: WallClock) -> None:
    rig.feed(3_000).finish(60)
    zombie = rig.consumer(FAILPOINT="after-insert:1:STOP", wait=False, KAFKA_SESSION_TIMEOUT_MS="1000")
    zombie.wait_stopped()
    rig.consumer()
    rig.wait_rows(3_000, 90)
    wall_clock.jump_to(-_YEAR_S)
    zombie.resume()
    rig.settle(90)


def test_times_of_records_lie_centuries_apart(rig: Rig) -> None:
    """Of the action, of its receipt, and of the record in Kafka: none of them says when a block is due."""
    last = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert last < LATEST_TIME
    moments = [EARLIEST_TIME, datetime(1999, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), last]
    items = [
        msgspec.structs.replace(action(time=t), received_at=r) for t in moments for r in moments for _ in range(20)
    ]
    in_a_loop_of_its_own(_write(rig, [encode(item) for item in items]))
    rig.consumer()
    seen = rig.settle(60)
    assert seen.stored.rows.total() == len(items)


async def _write(rig: Rig, values: list[bytes]) -> None:
    """With Kafka timestamps that go back and forth over decades."""
    async with AIOKafkaProducer(bootstrap_servers=rig.infra.kafka_bootstrap) as producer:
        for number, value in enumerate(values):
            stamp = [0, 946_684_800_000, 1_767_225_600_000][number % 3]
            await producer.send_and_wait(
                rig.namespace.topic, value, b"user", number % rig.partitions, timestamp_ms=stamp
            )

"""Faults at random: which, where, when and for how long follow from a seed, as far as the machine's pace allows.

A fault that lasts is healed when its time is over; several last at once. ``done`` is the diary of what was done.
"""

import contextlib
import heapq
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, get_args

import psutil

from consumer import failpoints
from tests.faults.proxy import Proxy
from tests.faults.rig import Consumer, Rig
from tests.faults.servers import Server
from tests.faults.ways import Ways
from tests.services import Service

Heal = Callable[[], None]

_CONSUMERS: Final = range(2, 5)  # alive at once
_LASTING: Final = 4  # faults that last, at once
_LEAVING_S: Final = 60.0
_REQUESTS: Final = {
    "clickhouse": ("insert", "insert", "query"),
    "kafka": ("OffsetCommit", "OffsetCommit", "Fetch", "Heartbeat", "JoinGroup", "SyncGroup", "OffsetFetch", "Produce"),
}


class Mischief:
    """One seed's faults on one rig."""

    def __init__(self, rig: Rig, ways: Ways, producer: Service, settings: dict[str, str], seed: int) -> None:
        self.done: list[str] = []
        self.counts: Counter[str] = Counter()
        self._rig = rig
        self._ways = ways
        self._producer = producer
        self._settings = settings
        self._random = random.Random(seed)
        self._began = time.monotonic()
        self._alive: list[Consumer] = []
        self._struck: set[Consumer] = set()  # those that may end by a failpoint
        self._stopped: set[Consumer] = set()
        self._healings: list[tuple[float, int, Heal]] = []
        self._numbers = itertools.count()

    def run(self, seconds: float) -> None:
        """Do one fault after another for so long, then heal everything and leave at least two consumers at work."""
        faults: list[tuple[Callable[[], None], int]] = [
            (self._kill_consumer, 3),
            (self._pause_consumer, 3),
            (self._let_one_leave, 2),
            (self._join, 2),
        ]
        faults += [(self._kill_server, 3), (self._pause_server, 1), (self._cut_a_message, 8), (self._cut_all, 4)]
        faults += [(self._block_the_way, 4), (self._kill_producer, 1)]
        verbs, weights = [verb for verb, _ in faults], [weight for _, weight in faults]
        while time.monotonic() < self._began + seconds:
            self._look_after()
            self._random.choices(verbs, weights)[0]()
            threading.Event().wait(self._random.uniform(0.02, 1.5))  # the pace is part of what is random
        self.heal()

    @property
    def tally(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self.counts.most_common())

    def heal(self) -> None:
        while self._healings:
            heapq.heappop(self._healings)[2]()
        for consumer in self._struck.intersection(self._alive):  # none may strike itself when all is over
            self._note("consumer killed", str(consumer.pid))
            self._alive.remove(consumer)
            consumer.kill()
        self._look_after()
        self._note("healed", "")

    def let_be(self) -> None:
        """After a failure: let the servers run, so that what was started can be ended."""
        for name in (*self._rig.infra.kafka_names, "clickhouse"):
            _send(self._rig.infra.pid(name), signal.SIGCONT)

    # Consumers

    def _join(self, failpoints_in: float = 0.4) -> None:
        if len(self._alive) >= _CONSUMERS[-1]:
            return
        failpoint = {}
        if self._random.random() < failpoints_in:
            point = self._random.choice(get_args(failpoints.Name))
            failpoint = {"FAILPOINT": f"{point}:{self._random.randint(1, 30)}:{self._random.choice(['KILL', 'STOP'])}"}
        consumer = self._rig.consumer(wait=False, **{**self._settings, **failpoint})
        if failpoint:
            self._struck.add(consumer)
        self._alive.append(consumer)
        self._note("consumer joins", f"{consumer.pid} {failpoint.get('FAILPOINT', '')}")

    def _kill_consumer(self) -> None:
        consumer = self._random.choice(self._alive)
        self._note("consumer killed", str(consumer.pid))
        self._alive.remove(consumer)
        consumer.kill()

    def _pause_consumer(self) -> None:
        running = [consumer for consumer in self._alive if consumer not in self._stopped]
        if running and self._may_last():
            consumer = self._random.choice(running)
            self._note("consumer paused", str(consumer.pid))
            consumer.pause()
            self._resume_later(consumer)

    def _resume_later(self, consumer: Consumer) -> None:
        self._stopped.add(consumer)

        def resume() -> None:
            self._stopped.discard(consumer)
            if consumer.is_running:
                consumer.resume()

        self._later(self._random.uniform(0.1, 6), resume)

    def _let_one_leave(self) -> None:
        """SIGTERM: it must end by itself, whatever its servers do meanwhile."""
        running = [consumer for consumer in self._alive if consumer not in self._stopped | self._struck]
        if running:
            consumer = self._random.choice(running)
            self._note("consumer leaves", str(consumer.pid))
            self._alive.remove(consumer)
            os.kill(consumer.pid, signal.SIGTERM)
            self._later(5, lambda: self._has_left(consumer))

    def _has_left(self, consumer: Consumer) -> None:
        code = consumer.wait(_LEAVING_S)
        if code == -signal.SIGTERM and not consumer.log:
            return  # told before it had started
        assert code == 0, f"a consumer that should leave ended with {code}:\n{consumer.log[-8000:]}"

    def _look_after(self) -> None:
        """Heal what is due, find who was struck by a failpoint, and keep enough consumers alive."""
        while self._healings and self._healings[0][0] <= time.monotonic():
            heapq.heappop(self._healings)[2]()
        for consumer in list(self._alive):
            if not consumer.is_running:
                self._alive.remove(consumer)
                code = consumer.wait()
                self._note("consumer struck", f"{code}")
                assert consumer in self._struck, f"a consumer ended with {code}:\n{consumer.log[-8000:]}"
                assert code == -signal.SIGKILL, f"a consumer ended with {code}:\n{consumer.log[-8000:]}"
            elif consumer not in self._stopped and psutil.Process(consumer.pid).status() == psutil.STATUS_STOPPED:
                self._note("consumer stopped", "by its failpoint")
                self._resume_later(consumer)
        while len(self._alive) < _CONSUMERS[0]:
            self._join(failpoints_in=0)

    # Servers

    def _kill_server(self) -> None:
        server = self._server()
        self._note(f"{server} killed", "")
        with contextlib.suppress(ProcessLookupError):
            self._rig.kill(server)

    def _pause_server(self) -> None:
        if self._may_last():
            server = self._server()
            pid = self._rig.infra.pid(server)
            self._note(f"{server} paused", "")
            _send(pid, signal.SIGSTOP)
            self._later(self._random.uniform(0.2, 5), lambda: _send(pid, signal.SIGCONT))

    def _kill_producer(self) -> None:
        self._note("producer killed", "")
        self._producer.kill()
        self._producer.start(wait=False)

    # The network

    def _cut_a_message(self) -> None:
        server = self._server()
        way, kind = self._way(server), self._random.choice(_REQUESTS[server])
        after = self._random.choice([0, self._random.randint(1, 900), self._random.randint(1, 4_000)])
        side = self._random.choice(["request", "answer"])
        self._note(f"{kind}'s {side} cut", f"after {after} bytes")
        (way.cut_request if side == "request" else way.cut_answer)(kind, after)

    def _cut_all(self) -> None:
        server = self._server()
        verb = self._random.choice(["hang_up", "half_open"])
        self._note(f"{server} {verb}", "")
        {"hang_up": self._way(server).hang_up, "half_open": self._way(server).half_open}[verb]()

    def _block_the_way(self) -> None:
        if self._may_last():
            server = self._server()
            way = self._way(server)
            delay_s = self._random.uniform(0.1, 2)
            blocks: dict[str, Callable[[], None]] = {"refuse": way.refuse, "silence": way.silence}
            blocks["delay"] = lambda: way.delay(delay_s)
            verb = self._random.choice(list(blocks))
            self._note(f"{server} {verb}", f"{delay_s:.1f} s" if verb == "delay" else "")
            blocks[verb]()
            self._later(self._random.uniform(0.2, 5), way.restore)

    # Small things

    def _server(self) -> Server:
        return self._random.choice(("kafka", "clickhouse"))

    def _way(self, server: Server) -> Proxy:
        return self._ways.kafka if server == "kafka" else self._ways.clickhouse

    def _may_last(self) -> bool:
        return len(self._healings) < _LASTING

    def _later(self, seconds: float, heal: Heal) -> None:
        heapq.heappush(self._healings, (time.monotonic() + seconds, next(self._numbers), heal))

    def _note(self, what: str, detail: str) -> None:
        self.counts[what] += 1
        self.done.append(f"{time.monotonic() - self._began:7.2f} s  {what} {detail}".rstrip())


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)

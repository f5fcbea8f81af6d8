"""Freshness: from acknowledged to visible, at a steady pace."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from bench import actions, pace
from bench.client import Address, Pool
from bench.cpu import CpuMeter
from bench.pace import Pace
from bench.quantiles import percentile
from bench.stack import Stack
from bench.visibility import Prober

_CONNECTIONS: Final = 64


class RefusedError(Exception):
    """A request was not accepted, at a pace that any machine should keep."""


@dataclass(frozen=True)
class Probing:
    """How requests are followed: one of ``every``, at most ``most`` at a time, a poll each ``poll_ms``."""

    every: int
    most: int
    poll_ms: float


@dataclass(frozen=True)
class FreshnessRun:
    """One run. Times in milliseconds; without probing there are no visible ones."""

    ack_ms: Sequence[float]
    visible_ms: Sequence[float]
    poll_gaps_ms: Sequence[float]
    skipped: int
    busy_polls: int
    latest_start_ms: float
    accepted: int
    cpu_us_per_action: dict[str, float]
    others_percent: float

    def ack(self, percent: float) -> float:
        return percentile(self.ack_ms, percent)

    def visible(self, percent: float) -> float:
        return percentile(self.visible_ms, percent)


async def measure(stack: Stack, name: str, wanted: Pace, probing: Probing | None) -> FreshnessRun:
    """Send at the pace and follow some of the requests. ``name`` keeps this run's users apart from another's.

    Raises RefusedError, FallenBehindError, NeverVisibleError, OSError, in an ExceptionGroup.
    """
    sender = _Sender(stack.producer, name, wanted)
    prober = Prober(stack.query, most=probing.most if probing else 0, poll_ms=probing.poll_ms if probing else 0)
    followed = _one_of(probing.every, wanted.requests) if probing else frozenset[int]()

    async def send(n: int, due_s: float) -> None:
        acknowledged_s = await sender.send(n, due_s)
        if n in followed:
            await prober.follow(sender.user(n), wanted.actions_per_request, acknowledged_s)

    cpu = CpuMeter(stack.pids)
    try:
        latest_start_ms = await pace.keep(wanted, send)
    finally:
        sender.close()
        prober.close()
    return FreshnessRun(
        ack_ms=sender.ack_ms,
        visible_ms=prober.visible_ms,
        poll_gaps_ms=prober.gaps_ms,
        skipped=prober.skipped,
        busy_polls=prober.busy,
        latest_start_ms=latest_start_ms,
        accepted=wanted.actions,
        cpu_us_per_action=cpu.us_per_action(wanted.actions),
        others_percent=cpu.others_percent(),
    )


class _Sender:
    """Sends each request under a user of its own, so that the requests spread over the partitions."""

    def __init__(self, producer: Address, name: str, wanted: Pace) -> None:
        self._address = producer
        self._name = name
        self._pool = Pool(producer, _CONNECTIONS)
        self._actions = actions.actions(wanted.actions_per_request, datetime.now(UTC), random.Random(name))
        self.ack_ms: list[float] = []

    def user(self, n: int) -> str:
        return f"{self._name}-{n:06}"

    async def send(self, n: int, due_s: float) -> float:
        """The moment of the acknowledgement; its latency counts from when the request was due. Raises RefusedError."""
        body = actions.envelope(self.user(n), self._actions)
        answer, arrived_s = await self._pool.request(actions.post(self._address, body))
        if answer.status != HTTPStatus.OK:
            raise RefusedError(f"{answer.status} {answer.body.decode(errors='replace')}")
        self.ack_ms.append((arrived_s - due_s) * 1000)
        return arrived_s

    def close(self) -> None:
        self._pool.close()


def _one_of(every: int, requests: int) -> frozenset[int]:
    """One request of each ``every``, chosen at random: a fixed stride could march in step with the flushes."""
    rng = random.Random(every)
    return frozenset(rng.randrange(first, min(first + every, requests)) for first in range(0, requests, every))

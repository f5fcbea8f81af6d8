"""Throughput: as many actions as the stack takes, and how long until the last of them is stored."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from bench import actions
from bench.client import Address, connect
from bench.cpu import CpuMeter
from bench.stack import Stack
from bench.stored import until_stored

_REFUSED_PAUSE_S: Final = 0.5


@dataclass(frozen=True)
class Load:
    """A closed loop: each connection sends its next request when the one before is answered."""

    connections: int
    actions_per_request: int
    seconds: float


@dataclass(frozen=True)
class ThroughputRun:
    """``accepted`` actions in ``sending_s`` seconds; ``stored`` of them ``storing_s`` seconds after the start."""

    accepted: int
    refused_requests: int
    stored: int
    sending_s: float
    storing_s: float
    cpu_us_per_action: dict[str, float]
    others_percent: float

    @property
    def accepted_per_s(self) -> float:
        return self.accepted / self.sending_s

    @property
    def stored_per_s(self) -> float:
        return self.stored / self.storing_s


async def measure(stack: Stack, load: Load, before: int) -> ThroughputRun:
    """Send, then wait until all is stored or nothing more comes. Raises OSError, alone or in a group.

    before  actions that were accepted earlier; they are waited for first
    """
    requests = actions.posts(stack.producer, load.actions_per_request)
    before, _ = await until_stored(stack, before)
    cpu, began_s = CpuMeter(stack.pids), time.monotonic()
    tally = _Tally(end_s=began_s + load.seconds)
    async with asyncio.TaskGroup() as group:
        for n in range(load.connections):
            share = (
                requests[n * len(requests) // load.connections :] + requests[: n * len(requests) // load.connections]
            )
            group.create_task(_send_on(stack.producer, share, tally))
    sending_s = time.monotonic() - began_s
    accepted = tally.accepted_requests * load.actions_per_request
    rows, stored_at_s = await until_stored(stack, before + accepted)
    return ThroughputRun(
        accepted=accepted,
        refused_requests=tally.refused_requests,
        stored=rows - before,
        sending_s=sending_s,
        storing_s=stored_at_s - began_s,
        cpu_us_per_action=cpu.us_per_action(accepted),
        others_percent=cpu.others_percent(),
    )


@dataclass
class _Tally:
    end_s: float
    accepted_requests: int = 0
    refused_requests: int = 0


async def _send_on(producer: Address, requests: Sequence[bytes], tally: _Tally) -> None:
    connection = await connect(producer)
    n = 0
    try:
        while time.monotonic() < tally.end_s:
            answer, _ = await connection.request(requests[n % len(requests)])
            n += 1
            if answer.status == HTTPStatus.OK:
                tally.accepted_requests += 1
            else:
                tally.refused_requests += 1
                await asyncio.sleep(_REFUSED_PAUSE_S)
    finally:
        connection.close()

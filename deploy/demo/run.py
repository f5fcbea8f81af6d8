"""The run: the past first, the newest of it at once, and the present beside it until somebody stops it."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any, Final

from deploy.demo.past import missing_s
from deploy.demo.sending import Sender, write_stray_records
from deploy.demo.traffic import Envelope, Traffic

_SENDERS: Final = 3  # requests at one time for the past
_RECENT_SLICES: Final = 15  # minutes after which hardly any visit goes on: then the present can begin
_TICK_S: Final = 0.25
_TELL_S: Final = 10.0

Slices = Iterator[list[Envelope]]


@dataclass(frozen=True, slots=True)
class Options:
    """See ``cli``."""

    producer: str
    query: str
    key: str | None
    rate: float
    hours: float
    seed: int | None
    kafka: str
    topic: str


async def run(options: Options) -> None:
    """Until SIGINT or SIGTERM; raises DemoError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Sender(options.producer, options.key) as sender:
        await sender.require_listening()
        sending = asyncio.create_task(_send_all(options, sender))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((sending, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not sending.done():
            sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        _tell(f"Stopped. {_told(sender)}")


async def _send_all(options: Options, sender: Sender) -> None:
    """Until cancelled; raises DemoError."""
    now_s, wanted_s = time.time(), options.hours * 3_600
    past_s = await missing_s(options.query, wanted_s, options.rate, now_s)
    if past_s < wanted_s:
        _tell(f"An earlier run is stored already: the past begins {past_s:,.0f} s ago")
    traffic = Traffic(Random(options.seed), options.rate, now_s)  # noqa: S311 - no secrets are made of it
    slices = traffic.past(past_s)
    await _send_slices(islice(slices, _RECENT_SLICES), sender)
    await _together(_live(traffic, sender), _send_the_rest(slices, options, sender))


async def _send_the_rest(slices: Slices, options: Options, sender: Sender) -> None:
    await _send_slices(slices, sender)
    _tell(f"The past is sent. {_told(sender)}")
    why_not = await write_stray_records(options.kafka, options.topic)
    _tell(
        "Three records that are no actions are on the topic: see the dead letters"
        if why_not is None
        else f"No dead letters are made: Kafka at {options.kafka} takes no records from here ({why_not})"
    )


async def _send_slices(slices: Slices, sender: Sender) -> None:
    """A few at one time; the next is made up only when one is sent."""

    async def one_after_the_other() -> None:
        for envelopes in slices:
            await sender.send(envelopes)

    await _together(*(one_after_the_other() for _ in range(_SENDERS)))


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Until all have ended, or one fails: its error is raised as it is, and the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _live(traffic: Traffic, sender: Sender) -> None:
    told_at = time.monotonic()
    while True:
        await sender.send(traffic.due(time.time()))
        if time.monotonic() - told_at >= _TELL_S:
            told_at = time.monotonic()
            _tell(sender.trouble or f"Live. {_told(sender)}")
        await asyncio.sleep(_TICK_S)


def _told(sender: Sender) -> str:
    sent = sender.sent
    given_up = f"; {sent.given_up:,} given up while the producer was away" if sent.given_up else ""
    return f"{sent.accepted:,} actions accepted, {sent.refused:,} refused as they were meant to be{given_up}"


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

"""The open loop sends on schedule, whatever the answers do."""

import asyncio

import pytest

from bench.pace import FallenBehindError, Pace, keep


async def test_every_request_is_sent_once_in_order_on_its_schedule() -> None:
    sent: list[tuple[int, float]] = []

    async def send(n: int, due_s: float) -> None:
        sent.append((n, due_s))

    wanted = Pace(requests_per_s=1_000, actions_per_request=3, seconds=0.05)
    assert await keep(wanted, send) >= 0
    assert [n for n, _ in sent] == list(range(50))
    assert sent[49][1] - sent[0][1] == pytest.approx(0.049)
    assert wanted.actions == 150


async def test_a_slow_answer_does_not_hold_back_the_next_requests() -> None:
    all_sent = asyncio.Event()
    sent = 0

    async def send(_: int, __: float) -> None:
        nonlocal sent
        sent += 1
        if sent == 20:
            all_sent.set()
        await all_sent.wait()  # the first answer comes after the last request

    async with asyncio.timeout(10):
        await keep(Pace(requests_per_s=2_000, actions_per_request=1, seconds=0.01), send)
    assert sent == 20


async def test_a_service_that_answers_nothing_ends_the_run() -> None:
    async def send(_: int, __: float) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await keep(Pace(requests_per_s=1_000_000, actions_per_request=1, seconds=1), send)
    assert caught.group_contains(FallenBehindError)

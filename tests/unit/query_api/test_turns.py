"""Turns: bounded work, bounded waiting, and nothing lost on the way."""

import asyncio

import pytest

from query_api.errors import Overloaded
from query_api.turns import Turns


async def test_a_request_beyond_the_bounds_is_sent_away_at_once() -> None:
    turns = Turns(1, waiting=0, max_wait_s=60)
    async with turns.taken():
        with pytest.raises(Overloaded, match="waiting"):
            await turns.taken().__aenter__()


async def test_a_request_that_waits_too_long_is_sent_away() -> None:
    turns = Turns(1, waiting=1, max_wait_s=0.01)
    async with turns.taken():
        with pytest.raises(Overloaded, match=r"0\.01 s"):
            await turns.taken().__aenter__()


async def test_a_waiting_request_gets_the_turn_that_comes_free() -> None:
    turns = Turns(1, waiting=1, max_wait_s=10)
    async with turns.taken():
        waiting = asyncio.create_task(turns.taken().__aenter__())
        await asyncio.sleep(0)
    await waiting


async def test_a_cancelled_or_failed_request_gives_its_turn_back() -> None:
    turns = Turns(1, waiting=1, max_wait_s=10)
    with pytest.raises(ZeroDivisionError):
        async with turns.taken():
            raise ZeroDivisionError
    async with turns.taken():
        waiting = asyncio.create_task(turns.taken().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with turns.taken():
        pass

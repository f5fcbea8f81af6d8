"""A deadline ends a block that takes too long, and nothing else."""

import asyncio

import pytest

from producer_api.deadline import Deadline


async def test_a_block_that_takes_too_long_raises_timeout_error() -> None:
    with pytest.raises(TimeoutError), Deadline(asyncio.get_running_loop(), 0.01):
        await asyncio.Event().wait()


async def test_a_block_in_time_goes_on_undisturbed() -> None:
    with Deadline(asyncio.get_running_loop(), 60):
        await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_an_error_of_the_block_passes() -> None:
    with pytest.raises(KeyError), Deadline(asyncio.get_running_loop(), 60):
        raise KeyError


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def wait() -> None:
        with Deadline(asyncio.get_running_loop(), 60):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

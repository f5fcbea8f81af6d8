"""A deadline ends a block that takes too long, and nothing else."""

import asyncio
import weakref

import pytest

from producer_api.deadline import Deadline, Deadlines


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


async def test_futures_that_take_too_long_are_cancelled_and_no_others() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, 0.02)
    first, second = loop.create_future(), loop.create_future()
    deadlines.add(first)
    first.set_result("in time")
    deadlines.add(second)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert first.result() == "in time"


async def test_each_future_has_its_whole_time() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, 0.05)
    first, second, third = (loop.create_future() for _ in range(3))
    began_s = loop.time()
    deadlines.add(first)
    await asyncio.wait([first])
    deadlines.add(second)
    deadlines.add(third)
    await asyncio.wait([second, third])
    assert second.cancelled()
    assert third.cancelled()
    assert loop.time() - began_s >= 0.1, "the second was added when the first had ended"


async def test_a_future_that_is_done_is_not_kept() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, 60)

    def add_done() -> weakref.ref[asyncio.Future[None]]:
        future: asyncio.Future[None] = loop.create_future()
        deadlines.add(future)
        future.set_result(None)
        return weakref.ref(future)

    kept = [add_done() for _ in range(100)]
    assert sum(reference() is not None for reference in kept) == 1

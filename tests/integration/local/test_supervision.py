"""The supervisor's promises, on small stand-in processes: what it does depends on no particular program."""

import asyncio
import sys
from pathlib import Path

import pytest

from deploy.local.errors import ProcessFailedError, TooManyDeathsError
from deploy.local.one_time import run_step
from deploy.local.process import Process, Spec
from deploy.local.supervisor import Supervisor
from tests.waiting import wait_until_async

_FOREVER = "import time\ntime.sleep(600)"
_STUBBORN = """
import signal, time, pathlib
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({!r}).touch()
time.sleep(600)
"""


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def ready(self, process: Process, seconds: float) -> None:
        self.events.append(f"{process.name} ready")

    def died(self, process: Process, how: str) -> None:
        self.events.append(f"{process.name} died: {how}: {' '.join(process.log_end())}")

    def restarting(self, process: Process) -> None: ...

    def restarted(self, process: Process, seconds: float) -> None:
        self.events.append(f"{process.name} restarted")

    def stopped(self, process: Process, by_itself: bool) -> None:
        self.events.append(f"{process.name} {'stopped' if by_itself else 'killed'}")


@pytest.fixture
def told() -> Told:
    return Told()


def _supervisor(told: Told, max_deaths: int = 3) -> Supervisor:
    return Supervisor(told, lambda: None, max_deaths=max_deaths, death_window_s=60)


def _process(
    folder: Path, code: str, ready_file: Path | None = None, start_timeout_s: float = 60, stop_timeout_s: float = 60
) -> Process:
    async def is_ready() -> bool:
        return ready_file is None or ready_file.exists()  # noqa: ASYNC240 - a stat

    spec = Spec("worker", [sys.executable, "-c", code], folder / "worker.log", 0, "nowhere", is_ready)
    return Process(spec, start_timeout_s=start_timeout_s, stop_timeout_s=stop_timeout_s, log_max_bytes=100_000)


async def test_a_process_that_dies_is_named_and_started_again(told: Told, tmp_path: Path) -> None:
    supervisor, process = _supervisor(told), _process(tmp_path, "print('last words', flush=True)\n" + _FOREVER)
    await supervisor.start([process])
    first = process.pid
    await wait_until_async(lambda: _said(process, "last words"), 60, "it printed")
    process.kill()
    await wait_until_async(lambda: _event(told, "worker restarted"), 60, "the restart")
    assert process.pid != first
    assert told.events[1] == "worker died: signal SIGKILL: last words"
    await supervisor.stop(asyncio.Event(), [["worker"]])
    assert told.events[-1] == "worker stopped"


async def test_a_process_that_dies_again_and_again_ends_the_stack(told: Told, tmp_path: Path) -> None:
    supervisor = _supervisor(told, max_deaths=3)
    await supervisor.start([_process(tmp_path, "raise SystemExit(7)")])
    with pytest.raises(TooManyDeathsError, match="worker died more than 3 times"):
        async with asyncio.timeout(60):
            await supervisor.failure()
    assert sum("died: exit code 7" in event for event in told.events) == 4


async def test_a_process_that_is_not_ready_at_the_deadline_fails_with_its_log(told: Told, tmp_path: Path) -> None:
    code = "print('still thinking', flush=True)\n" + _FOREVER
    process = _process(tmp_path, code, ready_file=tmp_path / "never", start_timeout_s=5)
    with pytest.raises(ProcessFailedError, match="still thinking"):
        await _supervisor(told).start([process])


async def test_a_process_that_ends_while_starting_fails_at_once_with_its_log(told: Told, tmp_path: Path) -> None:
    process = _process(tmp_path, "raise SystemExit('no such topic')", ready_file=tmp_path / "never")
    with pytest.raises(ProcessFailedError, match=r"exit code 1(.|\n)*no such topic"):
        await _supervisor(told).start([process])


async def test_a_process_that_ignores_the_request_to_stop_is_killed_at_the_deadline(told: Told, tmp_path: Path) -> None:
    supervisor, mark = _supervisor(told), tmp_path / "deaf"
    stubborn = _process(tmp_path, _STUBBORN.format(str(mark)), ready_file=mark, stop_timeout_s=0.5)
    await supervisor.start([stubborn])
    await supervisor.stop(asyncio.Event(), [["worker"]])
    assert told.events[-1] == "worker killed"


async def test_a_second_signal_does_not_wait_for_the_deadline(told: Told, tmp_path: Path) -> None:
    supervisor, mark, hurry = _supervisor(told), tmp_path / "deaf", asyncio.Event()
    stubborn = _process(tmp_path, _STUBBORN.format(str(mark)), ready_file=mark, stop_timeout_s=600)
    await supervisor.start([stubborn])
    hurry.set()
    async with asyncio.timeout(60):
        await supervisor.stop(hurry, [["worker"]])
    assert told.events[-1] == "worker killed"


async def test_a_step_that_fails_shows_its_output(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print('cannot create topic'); raise SystemExit(3)"]
    with pytest.raises(ProcessFailedError, match=r"the setup failed \(exit code 3\)(.|\n)*cannot create topic"):
        await run_step("the setup", argv, tmp_path / "setup.log", {}, 60)


async def test_a_step_that_hangs_is_ended_at_the_deadline(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailedError, match="not done after"):
        await run_step("the setup", [sys.executable, "-c", _FOREVER], tmp_path / "setup.log", {}, 0.5)


async def _said(process: Process, text: str) -> bool:
    return text in " ".join(process.log_end())


async def _event(told: Told, event: str) -> bool:
    return event in told.events

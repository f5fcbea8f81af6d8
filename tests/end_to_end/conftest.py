"""The whole stack, started as `make run` starts it, on free ports and a data folder of its own."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench import stack as whole
from deploy.local import state
from tests.end_to_end.system import READY_S
from tests.waiting import wait_until

pytest.register_assert_rewrite("tests.end_to_end.sample_cases", "tests.end_to_end.restart_cases")


class Stack:
    """A running stack: its URLs, and its processes as they are now. A ``tests.end_to_end.system.System``."""

    def __init__(self, started: whole.Stack, data_dir: Path) -> None:
        self._started = started
        self._state_file = data_dir / "run" / "stack.json"
        self.console = data_dir / "stack.log"
        self.producer = self.url("producer_api")
        self.query = self.url("query_api")

    def url(self, name: str) -> str:
        return str(state.read(self._state_file)[name]["url"])

    def pid(self, name: str) -> int:
        return int(state.read(self._state_file)[name]["pid"])

    def is_ready(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.url(name)}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def restart(self, name: str, with_signal: signal.Signals) -> None:
        """The stack's supervisor starts it again, and says that it died."""
        before = self.pid(name)
        os.kill(before, with_signal)
        wait_until(lambda: self.pid(name) != before, READY_S, f"the stack starts {name} again")
        assert f"{name} died" in self.console.read_text()

    def counts(self) -> tuple[int, int]:
        """Rows of the table without FINAL, and distinct ids."""
        rows, ids = self._started.ask_clickhouse("SELECT count(), uniqExact(event_id) FROM actions").split()
        return int(rows), int(ids)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    whole.fetch_components()
    data_dir = tmp_path_factory.mktemp("stack")
    with contextlib.ExitStack() as running:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOCAL_START_TIMEOUT_S", f"{READY_S:g}")
            started = running.enter_context(whole.running(data_dir))
        yield Stack(started, data_dir)

"""A client that goes on asking while something is exchanged under it."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx

from tests.waiting import wait_until

_TIMEOUT_S = 30.0
_PAUSE_S = 0.01


class Caller:
    """Sends the same request again and again, with the headers that it has at that moment.

    answers  how often each status came
    """

    def __init__(self, method: str, url: str, headers: dict[str, str], body: dict[str, Any] | None = None) -> None:
        self.headers = headers
        self.answers: Counter[int] = Counter()
        self._request = (method, url, body)
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator["Caller"]:
        """Then raises what ended it before its time."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            self._thread.join()
        if self._error is not None:
            raise self._error

    def is_answered(self, more: int = 5) -> None:
        """Wait for so many answers that are yet to come."""
        wanted = self.answers.total() + more
        wait_until(lambda: self._error is not None or self.answers.total() >= wanted, 60, "it is answered")

    def ask(self, client: httpx.Client, headers: dict[str, str]) -> int:
        method, url, body = self._request
        return client.request(method, url, json=body, headers=headers).status_code

    def _run(self) -> None:
        try:
            with httpx.Client(timeout=_TIMEOUT_S) as client:
                while not self._stopping.wait(_PAUSE_S):
                    self.answers[self.ask(client, self.headers)] += 1
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            self._error = error


def status(caller: Caller, headers: dict[str, str]) -> int:
    """What the same request is answered under other headers."""
    with httpx.Client(timeout=_TIMEOUT_S) as client:
        return caller.ask(client, headers)

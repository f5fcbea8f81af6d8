"""Posters of actions to the real API: each request must be answered in time, a 503 is sent again under the same ids."""

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from uuid_utils import uuid7

from contract.receipt import Receipt
from tests.faults.books import Held
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.services import Service
from tests.waiting import wait_until

POSTERS = 20

_READY_S = 120.0
_DEADLINE_S = 3.0
# Short, so that a broker's death is longer.
_PRODUCER = {
    "REQUEST_TIMEOUT_S": f"{_DEADLINE_S}",
    "KAFKA_REQUEST_TIMEOUT_MS": "1000",
    "KAFKA_CONNECT_TIMEOUT_S": "3",
    "KAFKA_BACKOFF_MAX_MS": "500",
}
_ACTIONS = 3
_PAUSE_S = 0.05
# What a starved machine may take beyond the deadline until the answer is read. A request that hangs takes longer.
_SLACK_S = 60.0
_OK = "ok"
_UNKNOWN_OUTCOME = "unacknowledged"
_SHOWN = 3


@dataclass
class Request:
    """One request as it went, perhaps several times.

    answers  ``ok``, or the code of each refusal, in their order
    receipt  of the last answer; None where the broker no longer knew the offset
    """

    ids: list[str]
    answers: list[str] = field(default_factory=list)
    receipt: str | None = None

    @property
    def is_acknowledged(self) -> bool:
        return _OK in self.answers

    @property
    def is_doubtful(self) -> bool:
        """Whether some attempt was refused without a word on whether it is stored: the repeat may be a second copy."""
        return _UNKNOWN_OUTCOME in self.answers


class Posters:
    """``count`` users, each posting one request after another, until ``stop()``.

    producer  ended with them: what it did not acknowledge it may send still, after the books are read
    """

    def __init__(self, url: str, count: int, deadline_s: float, producer: Service | None = None) -> None:
        self.requests: list[Request] = []
        self._producer = producer
        self._url = url
        self._count = count
        self._timeout_s = deadline_s + _SLACK_S
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="posters", daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """They post while the block runs; then raises what ended one before its time."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()
        self.stop()

    def stop(self) -> None:
        """End them, each after its answer; raises what ended one before its time."""
        self._stopping.set()
        self._thread.join()
        if self._producer is not None:
            self._producer.kill()
        if self._error is not None:
            raise self._error

    def acknowledged(self) -> set[str]:
        return {event_id for request in list(self.requests) if request.is_acknowledged for event_id in request.ids}

    def answers(self) -> Counter[str]:
        """How often each answer came so far."""
        return Counter(itertools.chain.from_iterable(list(request.answers) for request in list(self.requests)))

    def wait_acknowledged(self, more: int, deadline_s: float = 300) -> None:
        """Until so many more requests are answered 200."""
        wanted = self.answers()[_OK] + more
        wait_until(lambda: self._ended() or self.answers()[_OK] >= wanted, deadline_s, f"{more} more requests accepted")

    def wait_refused(self, more: int, deadline_s: float = 300) -> None:
        """Until so many more requests are answered 503."""
        wanted = self._refusals() + more
        wait_until(lambda: self._ended() or self._refusals() >= wanted, deadline_s, f"{more} more requests refused")

    def problems(self, held: Held) -> list[str]:
        """What the topic holds against what was answered; empty when they agree."""
        sent = {event_id for request in self.requests for event_id in request.ids}
        doubtful = {event_id for request in self.requests if request.is_doubtful for event_id in request.ids}
        copies = Counter(event_id for _, _, event_id in held.rows)
        found = {
            "acknowledged and not in the topic": self.acknowledged() - held.ids,
            "in the topic and never sent": held.ids - sent,
            "doubled without a doubtful answer": {one for one, n in copies.items() if n > 1} - doubtful,
            "under another offset than the receipt says": self._false_receipts(held),
        }
        return [f"{len(ids)} ids {what}: {sorted(ids)[:_SHOWN]}" for what, ids in found.items() if ids]

    def _false_receipts(self, held: Held) -> set[str]:
        """The last ids of requests whose receipt names no position at which they stand."""
        return {
            request.ids[-1]
            for request in self.requests
            if request.receipt is not None
            and not all((*at, request.ids[-1]) in held.rows for at in Receipt.decode(request.receipt).offsets.items())
        }

    def _refusals(self) -> int:
        answers = self.answers()
        return answers.total() - answers[_OK]

    def _ended(self) -> bool:
        if self._error is not None:
            raise self._error
        return False

    def _run(self) -> None:
        try:
            asyncio.run(self._post_all())
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            self._error = error

    async def _post_all(self) -> None:
        # A connection for each request: an idle one that the server closes just then would look like a lost answer.
        limits = httpx.Limits(max_connections=self._count, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=self._url, timeout=self._timeout_s, limits=limits) as client:
            await asyncio.gather(*(self._post(client, f"poster-{number}") for number in range(self._count)))

    async def _post(self, client: httpx.AsyncClient, user_id: str) -> None:
        while not self._stopping.is_set():
            request = Request([str(uuid7()) for _ in range(_ACTIONS)])
            self.requests.append(request)
            while not request.is_acknowledged and not self._stopping.is_set():
                await self._send(client, user_id, request)
                await asyncio.sleep(_PAUSE_S)

    async def _send(self, client: httpx.AsyncClient, user_id: str, request: Request) -> None:
        answer = await client.post("/log", json=_envelope(user_id, request.ids))  # no answer in time: an error
        if answer.status_code == httpx.codes.OK:
            assert answer.json()["ids"] == request.ids, answer.text
            request.receipt = answer.json()["receipt"]
            request.answers.append(_OK)
            return
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
        assert int(answer.headers["retry-after"]) > 0
        request.answers.append(answer.json()["code"])


@contextlib.contextmanager
def posting(namespace: Namespace, folder: Path) -> Iterator[Posters]:
    """Twenty posters at a producer API of their own, under way when the block begins. Its log may hold no trace."""
    (port,) = free_ports(1)
    values = {"HOST": "127.0.0.1", "PORT": str(port), **_PRODUCER}
    environment = namespace.environment("producer_api") | {f"PRODUCER_{name}": value for name, value in values.items()}
    producer = Service("producer_api", port, environment, folder / "producer.log")
    posters = Posters(producer.url, POSTERS, _DEADLINE_S, producer)
    with contextlib.closing(producer.start(wait=False)):
        producer.wait_ready(_READY_S)
        with posters.running():
            posters.wait_acknowledged(POSTERS)
            yield posters
    assert "Traceback" not in producer.log, producer.log[-4000:]


def _envelope(user_id: str, ids: list[str]) -> dict[str, Any]:
    action = {"time": "2020-02-29T23:59:59.999999+14:00", "type": "CLICK", "properties": {"a": 1}}
    return {"userId": user_id, "sessionId": "session", "actions": [{**action, "id": event_id} for event_id in ids]}

"""Each of the five processes is restarted in the middle of a stream of 20,000 actions: each is stored exactly once."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import httpx
from uuid_utils import uuid7

from tests.end_to_end.system import READY_S, System
from tests.waiting import wait_until

ACTIONS: Final = 20_000
PER_REQUEST: Final = 50
SENDERS: Final = 4

# The producer is asked to stop, as an update does it: killed, it leaves its clients not knowing what was accepted.
# The others are killed.
RESTARTS: Final = {
    "consumer": signal.SIGKILL,
    "clickhouse": signal.SIGKILL,
    "kafka": signal.SIGKILL,
    "producer_api": signal.SIGTERM,
    "query_api": signal.SIGKILL,
}


class Stream:
    """Sends requests from several threads until all are acknowledged; what was refused or cut is sent again.

    acknowledged  actions
    in_doubt      attempts that were not acknowledged although they may be stored: their repeats may be second copies.
                  A Kafka that takes longer to start again than a request waits makes some.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/log"
        self._bodies = [self._body(number) for number in range(ACTIONS // PER_REQUEST)]
        self._lock = threading.Lock()
        self.acknowledged = 0
        self.in_doubt = 0

    @staticmethod
    def _body(number: int) -> dict[str, object]:
        time = "2026-10-18T21:37:28.123456-06:00"
        actions = [
            {"id": str(uuid7()), "time": time, "type": "STEP", "properties": {"n": n}} for n in range(PER_REQUEST)
        ]
        return {"userId": f"user-{number % 97}", "sessionId": "stream", "actions": actions}

    def run(self, gate: threading.Semaphore) -> None:
        """One request per permit of the gate."""
        with httpx.Client(timeout=60) as client:
            while gate.acquire():
                with self._lock:
                    if not self._bodies:
                        return
                    body = self._bodies.pop()
                self._send(client, body)
                with self._lock:
                    self.acknowledged += PER_REQUEST

    def wait_for(self, acknowledged: int) -> None:
        wait_until(lambda: self.acknowledged >= acknowledged, READY_S, "the stream flows")

    def _send(self, client: httpx.Client, body: dict[str, object]) -> None:
        wait_until(lambda: self._is_accepted(client, body), READY_S, "a request is acknowledged")

    def _is_accepted(self, client: httpx.Client, body: dict[str, object]) -> bool:
        try:
            answer = client.post(self._url, json=body)
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            self._doubt()
            return False
        if answer.status_code != 200 and answer.json()["code"] == "unacknowledged":
            self._doubt()
        return answer.status_code == 200

    def _doubt(self) -> None:
        with self._lock:
            self.in_doubt += 1


def read_all(stack: System) -> list[str]:
    """The ids of the stream, page by page."""
    ids: list[str] = []
    with httpx.Client(base_url=stack.query, timeout=30) as client:
        cursor: dict[str, str] = {}
        while True:
            page = client.get("/log", params={"type": "STEP", "limit": "1000", **cursor}).json()
            ids += [action["id"] for action in page["actions"]]
            if page["next"] is None:
                return ids
            cursor = {"cursor": page["next"]}


class RestartCases:
    """For a fixture ``stack`` that is a System."""

    def test_five_restarts_in_a_stream_lose_and_double_nothing(self, stack: System) -> None:
        rows_before, ids_before = stack.counts()
        stream, gate = Stream(stack.producer), threading.Semaphore(0)
        share = ACTIONS // PER_REQUEST // (len(RESTARTS) + 1)
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(stream.run, gate) for _ in range(SENDERS)]
            try:
                for number, (name, with_signal) in enumerate(RESTARTS.items(), start=1):
                    gate.release(share)
                    stream.wait_for(PER_REQUEST * (share * number - share // 2))
                    stack.restart(name, with_signal)
            finally:
                gate.release(ACTIONS)
            for sender in senders:
                sender.result(timeout=2 * READY_S)
        assert stream.acknowledged == ACTIONS
        for service in ("producer_api", "consumer", "query_api"):
            wait_until(partial(stack.is_ready, service), READY_S, f"{service} is ready")
        wait_until(lambda: stack.counts()[1] - ids_before >= ACTIONS, READY_S, "everything is stored")
        rows, ids = stack.counts()
        assert ids - ids_before == ACTIONS
        copies = stream.in_doubt * PER_REQUEST
        assert ACTIONS <= rows - rows_before <= ACTIONS + copies, "counted without FINAL"
        assert len(set(read_all(stack))) == ACTIONS

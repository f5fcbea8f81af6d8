"""A proxy between pages and the real producer: it writes down what passes, can hold it up, lose it, answer itself.

What it does not answer itself is the producer's own answer, CORS included.
"""

import gzip
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

_HOLD_S: Final = 60.0
_NOT_PASSED_ON: Final = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Passed:
    """A POST: its path with the query, headers in lower case, bytes on the wire, envelopes, and when (monotonic)."""

    path: str
    headers: Mapping[str, str]
    wire_bytes: int
    envelopes: list[dict[str, Any]]
    at_s: float

    @property
    def actions(self) -> list[dict[str, Any]]:
        return [action for envelope in self.envelopes for action in envelope["actions"]]

    @property
    def ids(self) -> list[str]:
        return [action["id"] for action in self.actions]


@dataclass
class Between:
    """``answers``: given instead of the producer's, one each, then the producer's again."""

    url: str = ""
    passed: list[Passed] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    lose_answers: bool = False
    refuse: bool = False
    free: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.free.set()

    @property
    def ids(self) -> list[str]:
        """Of all actions that passed, in their order; one that passed twice is there twice."""
        return [event_id for request in list(self.passed) for event_id in request.ids]


@contextmanager
def between(target_url: str) -> Iterator[Between]:
    state, target = Between(), urlsplit(target_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_OPTIONS(self) -> None:
            if state.refuse:
                self.close_connection = True
                return
            self._pass_on(b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if state.refuse:
                self.close_connection = True
                return
            state.passed.append(_passed(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            assert state.free.wait(_HOLD_S), "a request was held for too long"
            if state.answers:
                status, headers, words = state.answers.pop(0)
                own = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After", **headers}
                self._answer(status, own, words if isinstance(words, bytes) else json.dumps(words).encode())
            else:
                self._pass_on(body)

        def _pass_on(self, body: bytes) -> None:
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_HOLD_S)
            try:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                words = answer.read()
            except OSError:
                self.close_connection = True
                return
            finally:
                connection.close()
            if state.lose_answers and self.command == "POST":
                self.close_connection = True
                return
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON}
            self._answer(answer.status, headers, words)

        def _answer(self, status: int, headers: Mapping[str, str], words: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Silence."""

    server = _Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        state.free.set()
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that goes cuts its connection: nothing to say."""


def _passed(path: str, headers: Mapping[str, str], body: bytes) -> Passed:
    plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    return Passed(path, headers, len(body), json.loads(plain), time.monotonic())

"""Requests that arrive whole can be answered without ASGI: no scope, no task, no messages to and fro.

A small request arrives in one piece, and what ASGI needs to await the pieces of others was a quarter of the CPU time of
a POST /log of 3 actions. So an application may offer ``answer_whole``. Everything else goes uvicorn's way: what the
application declines, bodies in several pieces, pipelined requests, HTTP/1.0, ``Connection: close``, upgrades, and
clients that want to be told to continue or do not take their answers.
"""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from kit.joined_writes import HttpProtocol

Header = tuple[bytes, bytes]
_CONNECTION_CLOSE = (b"connection", b"close")


class _NobodyWaits:
    """In the place of the event by which uvicorn wakes an application that waits for more of a body."""

    def set(self) -> None:
        """The whole request is there."""


class WholeRequest:
    """A request that has arrived whole, and its answer. Stands where uvicorn keeps the request it is answering.

    target      path and query, as sent
    headers     their names in lower case
    client      host and port
    added       headers of the answer, whatever it will be; to be appended to
    request_id  for logs; set by whoever gives ids
    """

    __slots__ = (
        "_connection",
        "added",
        "body",
        "client",
        "disconnected",
        "headers",
        "keep_alive",
        "method",
        "request_id",
        "response_complete",
        "target",
    )
    message_event = _NobodyWaits()

    def __init__(self, connection: "Connection", method: bytes, body: bytes) -> None:
        self._connection = connection
        self.method = method
        self.target = connection.url
        self.headers: Sequence[Header] = connection.headers
        self.body = body
        self.client = connection.client
        self.added: list[Header] = []
        self.request_id: str | None = None
        # As uvicorn's own requests have them.
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False

    def answer(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Send the answer, once; its content-length is among ``headers``. A client that has left gets none."""
        if self.disconnected:
            return
        self.response_complete = True
        self._connection.send_answer(STATUS_LINE[status], (*headers, *self.added), body, keep_alive=self.keep_alive)

    def respond(self, response: Response) -> None:
        """``answer`` with a response of Starlette's that holds its body."""
        self.answer(response.status_code, response.raw_headers, bytes(response.body))


class Connection(Protocol):
    """Where a request has come from."""

    url: bytes
    headers: list[Header]
    client: tuple[str, int] | None

    def send_answer(self, status_line: bytes, headers: Sequence[Header], body: bytes, *, keep_alive: bool) -> None:
        """Send the answer to the request that arrived whole."""


@runtime_checkable
class AnswersWhole(Protocol):
    """An application that answers some whole requests itself."""

    def answer_whole(self, request: WholeRequest) -> bool:
        """Whether the request is, or will be, answered; False: by ASGI. Raises nothing."""


class WholeRequestProtocol(HttpProtocol):
    """uvicorn's protocol, which offers whole requests to the application first."""

    def __init__(self, application: AnswersWhole, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._application = application
        self._held: list[bytes] | None = None  # the body so far of a request that may arrive whole
        self._header_count = 0  # of its head: what the parser adds after it are trailers
        self._joined: tuple[list[Header], bytes] = ([], b"")  # the server's headers for every answer, as bytes
        self._idle_since: float | None = None  # in the loop's time; None while something of a request is there

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._held is not None and not self.transport.is_closing():  # the rest of the body is still under way
            self._leave_to_asgi()

    # What the parser finds

    def on_message_begin(self) -> None:
        # The request before it may have been answered by now, which lets a connection end when nothing follows.
        self._unset_keepalive_if_required()
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        if self.declines_upgrade():
            return
        self._held = []
        self._header_count = len(self.headers)
        if not self._may_be_whole():
            self._leave_to_asgi()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        if self._held is not None:
            before = self.cycle
            del self.headers[self._header_count :]
            self.cycle: Any = WholeRequest(self, self.parser.get_method(), b"".join(self._held))
            if self._application.answer_whole(self.cycle):
                self._held = None
                return
            self.cycle = before
            self._leave_to_asgi()
        super().on_message_complete()

    def _may_be_whole(self) -> bool:
        return (
            (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
            and self.parser.get_http_version() == "1.1"
        )

    def _leave_to_asgi(self) -> None:
        """Tell uvicorn what has been found of this request until now."""
        held, self._held = self._held or [], None
        url, headers, expects_continue = self.url, self.headers[: self._header_count], self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects_continue
        self.headers += headers
        super().on_headers_complete()
        for piece in held:
            super().on_body(piece)

    # The answer

    def send_answer(self, status_line: bytes, headers: Sequence[Header], body: bytes, *, keep_alive: bool) -> None:
        common = self.server_state.default_headers
        if self._joined[0] is not common:  # about once a second, for they hold the date
            self._joined = common, b"".join([b"%b: %b\r\n" % header for header in common])
        lines = [b"%b: %b\r\n" % header for header in headers]
        is_last = not keep_alive or _CONNECTION_CLOSE in common or _CONNECTION_CLOSE in headers
        if not keep_alive and _CONNECTION_CLOSE not in common:
            lines.append(b"connection: close\r\n")
        self.transport.write(b"".join((status_line, self._joined[1], *lines, b"\r\n", body)))
        if is_last:
            self.transport.close()
        self.on_response_complete()

    # Keep-alive: a timer for each idle connection, where uvicorn makes and cancels one for each answer (1 us).

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return  # and after the answer there is a timer again
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again_in(left_s)
        else:
            super().timeout_keep_alive_handler()

    def _look_again_in(self, delay_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(delay_s, self.timeout_keep_alive_handler)

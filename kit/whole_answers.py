"""An answer whose length is known leaves as a whole: one write, one system call, one pass over its headers.

uvicorn writes an answer's head and its body apart, and looks at every header with two regular expressions. That is the
dearest thing a small answer does. What is not whole (a stream, the last answer of a connection, an answer to HEAD) goes
uvicorn's own way. This reaches into uvicorn's request cycle; the version is pinned, and tests/unit/kit hold it.
"""

from collections.abc import Awaitable, Generator, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Headers = Sequence[tuple[bytes, bytes]]


class WholeAnswers:
    """An ASGI application around ``app``, to be served by uvicorn's httptools protocol."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._default_headers: Headers = ()
        self._default_lines: bytes | None = b""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        cycle = getattr(send, "__self__", None)
        if type(cycle) is not RequestResponseCycle or cycle.access_log or not cycle.keep_alive:
            return self._app(scope, receive, send)
        if cycle.default_headers is not self._default_headers:  # uvicorn makes a new list when the date changes
            self._default_headers = cycle.default_headers
            self._default_lines = _lines(cycle.default_headers)
        if self._default_lines is None or scope["method"] == "HEAD":
            return self._app(scope, receive, send)
        return self._app(scope, receive, _Answer(cycle, send, self._default_lines))


class _Answer:
    """The ``send`` of one request: holds the head back until the body is there."""

    __slots__ = ("_cycle", "_default_lines", "_send", "_start")

    def __init__(self, cycle: RequestResponseCycle, send: Send, default_lines: bytes) -> None:
        self._cycle = cycle
        self._send = send
        self._default_lines = default_lines
        self._start: Message | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        start = self._start
        if start is None:
            if message["type"] == "http.response.start" and _has_length(message.get("headers", ())):
                self._start = message
                return _NOTHING_TO_AWAIT
            return self._send(message)
        self._start = None
        if self._write_whole(start, message):
            return _NOTHING_TO_AWAIT
        return self._send_apart(start, message)

    async def _send_apart(self, start: Message, message: Message) -> None:
        await self._send(start)
        await self._send(message)

    def _write_whole(self, start: Message, message: Message) -> bool:
        """Write it if it is the whole answer and nothing about it is unusual; whether it was."""
        cycle: Any = self._cycle
        body = message.get("body", b"")
        if message.get("more_body") or cycle.disconnected or cycle.response_started or cycle.flow.write_paused:
            return False
        lines = _lines(start["headers"], len(body))
        if lines is None:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        cycle.transport.write(b"".join((STATUS_LINE[start["status"]], self._default_lines, lines, b"\r\n", body)))
        cycle.on_response()
        return True


class _NothingToAwait(Awaitable[None]):
    def __await__(self) -> Generator[Any, Any, None]:
        return
        yield


_NOTHING_TO_AWAIT = _NothingToAwait()


def _has_length(headers: Headers) -> bool:
    return any(name == b"content-length" for name, _ in headers)


def _lines(headers: Headers, length: int | None = None) -> bytes | None:
    """The headers as they are sent; None when one of them is uvicorn's affair: it closes, lies or breaks the line."""
    parts: list[bytes] = []
    for name, value in headers:
        if name == b"connection" or (name == b"content-length" and value != b"%d" % (length or 0)):
            return None
        parts += (name, b": ", value, b"\r\n")
    lines = b"".join(parts)
    count = len(headers)
    return lines if lines.count(b"\n") == count == lines.count(b"\r") and b"\0" not in lines else None

"""An export: everything that meets the filters as one stream, passed on from ClickHouse as it comes."""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Literal

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from query_api import metrics
from query_api.errors import StoreError
from query_api.estimate import Estimates
from query_api.exporting import export_sql
from query_api.exporting.export_formats import CSV, NDJSON
from query_api.gone import ClientGone, unless_gone
from query_api.paging.parameters import PageRequest
from query_api.query import Query
from query_api.serving import Serving
from query_api.turns import Turns
from query_api.work import Work

_log = structlog.get_logger(__name__)


class Exports:
    """Answers exports, a few at one time: their turns are not those of the other requests."""

    def __init__(self, serving: Serving) -> None:
        settings = serving.settings
        self.serving = serving
        self.turns = Turns(
            settings.max_concurrent_exports,
            waiting=settings.max_waiting_exports,
            max_wait_s=settings.max_wait_ms / 1000,
            held=metrics.EXPORTS_RUNNING,
            queued=metrics.EXPORTS_WAITING,
        )
        self.estimates = Estimates(serving.store, most_rows=settings.max_export_rows, setting="QUERY_MAX_EXPORT_ROWS")

    async def begun(self, request: Request) -> Work:
        """The work of an export, which may take longer than others'. Raises a Problem, as Serving.begun does."""
        begun = await self.serving.begun(request)
        timeout_s = self.serving.settings.export_timeout_ms / 1000
        return Work(timeout_s, tells_cost=begun.tells_cost, told=begun.told)

    def answer(self, request: Request, asked: PageRequest) -> Response:
        return ExportAnswer(self, request, asked)


def query(asked: PageRequest) -> Query:
    """The SQL of an export."""
    return export_sql.export(asked.filters, asked.fmt, asked.order)


class Summary:
    """Counts the actions of an answer in NDJSON or CSV while it passes by, and says it in a last line."""

    def __init__(self, asked: PageRequest) -> None:
        self._fmt = asked.fmt if asked.summary else None
        self._line_ends = 0
        self._quoted = False

    def note(self, chunk: bytes) -> None:
        if self._fmt is NDJSON:
            self._line_ends += _line_ends(chunk)
        elif self._fmt is CSV:
            # Every second part is within quotes, where a line end belongs to a value.
            parts = chunk.split(b'"')
            self._line_ends += sum(part.count(b"\n") for part in parts[1 if self._quoted else 0 :: 2])
            self._quoted ^= len(parts) % 2 == 0

    def line(self, **further: str | None) -> bytes:
        """The last line, or nothing when none is wanted."""
        if self._fmt is NDJSON:
            return msgspec.json.encode({"rows": self._line_ends, "complete": True, **further}) + b"\n"
        if self._fmt is CSV:
            return b"# rows=%d\r\n" % (self._line_ends - 1)  # without the header
        return b""


class ExportAnswer(Response):
    """Sends the stream. An error before its head is an answer of its own; after it the connection is cut, without the
    end that chunked encoding has, so that no client takes the part for the whole."""

    def __init__(self, exports: Exports, request: Request, asked: PageRequest) -> None:
        self.status_code = 200
        self.media_type = asked.fmt.media_type
        self.background = None
        self._exports = exports
        self._request = request
        self._asked = asked
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises StoreError, ClientGone or a Problem when nothing has been sent."""
        outcome: Literal["complete", "cut", "left"] = "complete"
        try:
            await unless_gone(Request(scope, receive), self._export(send))
        except (StoreError, ClientGone) as error:
            if not self._begun:
                raise
            outcome = "left" if isinstance(error, ClientGone) else "cut"
            _log.warning(
                "an export ended before its end", format=self._asked.fmt.name, outcome=outcome, reason=str(error)
            )
        metrics.EXPORTS.labels(self._asked.fmt.name, outcome).inc()

    async def _export(self, send: Send) -> None:
        work = await self._exports.begun(self._request)
        wanted = query(self._asked)
        async with self._exports.turns.taken():
            await self._exports.estimates.check(wanted, work)
            async with self._exports.serving.store.stream(wanted, self._asked.fmt.clickhouse, work) as chunks:
                first = await anext(chunks)  # ClickHouse's refusals come before it
                await self._begin(work, send)
                await self._pass_on(first, chunks, send)

    async def _begin(self, work: Work, send: Send) -> None:
        self._begun = True
        self.init_headers({**self._exports.serving.headers(work), "Vary": "Accept"})
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _pass_on(self, first: bytes, chunks: AsyncIterator[bytes], send: Send) -> None:
        summary = Summary(self._asked)
        sent = metrics.EXPORT_BYTES.labels(self._asked.fmt.name)
        chunk: bytes | None = first
        while chunk is not None:
            summary.note(chunk)
            await send(_body(chunk, more=True))  # returns when the client has room for more
            sent.inc(len(chunk))
            chunk = await anext(chunks, None)
        await send(_body(summary.line(), more=False))


def _line_ends(chunk: bytes) -> int:
    """What chunk.count(b"\\n") says, three times as fast for lines of some length; it was an export's dearest step."""
    lines = BytesIO(chunk).readlines()
    return len(lines) - (lines[-1:] != [] and not lines[-1].endswith(b"\n"))


def _body(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}

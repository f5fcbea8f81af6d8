"""GET /log/tail: actions as they arrive, as server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kit.problem import FieldError, Problem, unavailable
from query_api.errors import LogUnavailable
from query_api.filtering import filter_parameters
from query_api.filtering.filter_parameters import read_filters
from query_api.filtering.query_string import QueryString
from query_api.gone import ClientGone, unless_gone
from query_api.live import tail_events
from query_api.live.kafka_ranges import Ranges
from query_api.live.receipts import Told, read_after
from query_api.live.tail import Tail
from query_api.live.tail_stream import Stream
from query_api.routes import tail_openapi
from query_api.serving import Serving

PATH: Final = "/log/tail"
_NAMES: Final = (
    *filter_parameters.NAMES,
    "key",
)  # the key of a browser's EventSource; query_api/access/keys.py reads it
_LAST_EVENT_ID: Final = "last-event-id"


def router(serving: Serving, tail: Tail, ranges: Ranges) -> APIRouter:
    """The route, with what it works on."""
    settings = serving.settings
    routes = APIRouter()

    async def get_tail(request: Request) -> Response:
        scope = serving.scope(request)
        query = QueryString(request.scope["query_string"], _NAMES, filter_parameters.PREFIXES)
        filters = read_filters(query, scope)
        query.raise_errors()
        seen = _last_event_id(request)
        receipt = read_after(request.scope["query_string"]) if seen is None else None
        told = Told(serving.receipts.watermark.latest())
        stack = contextlib.AsyncExitStack()
        try:
            watcher = await stack.enter_async_context(tail.watched(filters))
        except LogUnavailable as error:
            raise unavailable("log-unavailable", f"{error}. GET /log goes on.", retry_after_s=2) from error
        resume = None if receipt is None else {number: offset + 1 for number, offset in receipt.offsets.items()}
        if seen is not None:  # partitions without an offset had no record then
            resume = {number: seen.get(number, 0) for number in watcher.positions}
        stream = Stream(tail, ranges, settings, watcher, resume)
        return EventStream(stream.chunks(), stack, told.headers(), settings.tail_send_timeout_s)

    routes.add_api_route(PATH, get_tail, methods=["GET"], **tail_openapi.describe())
    return routes


class EventStream(Response):
    """Writes the chunks until they end, the client leaves, or takes nothing for ``send_timeout_s`` seconds; then closes
    the stack.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        stack: contextlib.AsyncExitStack,
        headers: Mapping[str, str],
        send_timeout_s: float,
    ) -> None:
        # no-transform and X-Accel-Buffering: a proxy must neither compress nor gather what should be seen at once
        own = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(headers={**own, **headers})
        del self.headers["content-length"]
        self._chunks = chunks
        self._stack = stack
        self._send_timeout_s = send_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            with contextlib.suppress(ClientGone, TimeoutError):
                await unless_gone(Request(scope, receive), self._write(send))

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with contextlib.aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                async with asyncio.timeout(self._send_timeout_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _last_event_id(request: Request) -> Mapping[int, int] | None:
    text = request.headers.get(_LAST_EVENT_ID)
    if not text:  # an EventSource that has got no id yet sends none, some send an empty one
        return None
    try:
        return tail_events.decode_id(text)
    except ValueError as error:
        errors = [FieldError(path="Last-Event-ID", reason=str(error))]
        raise Problem(400, "invalid-request", f"Last-Event-ID: {error}", errors=errors) from error

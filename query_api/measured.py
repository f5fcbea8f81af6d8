"""Every answer is counted by route and status, and timed."""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api import metrics

_ROUTES: Final = frozenset({"/log", "/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})


class Measured:
    """ASGI middleware around the app's routes and error handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = scope["path"] if scope["path"] in _ROUTES else "other"  # bounded, whatever clients ask for
        started = time.monotonic()
        status = 500  # what the server answers when the app raises

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                metrics.REQUEST_SECONDS.labels(route).observe(time.monotonic() - started)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            metrics.REQUESTS.labels(route, str(status)).inc()

"""Every answer is counted by route and status, and timed."""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query_api import metrics

_READS: Final = frozenset({"/log", "/log/counts", "/log/funnel", "/log/retention", "/log/tail"})
_ROUTES: Final = _READS | {"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"}


class Measured:
    """ASGI middleware around the app's routes and error handlers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 500  # what the server answers when the app raises

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                metrics.REQUEST_SECONDS.labels(_route(scope)).observe(time.monotonic() - started)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            metrics.REQUESTS.labels(_route(scope), str(status)).inc()


def _route(scope: Scope) -> str:
    """The path, or the template of one with an id in it: bounded, whatever clients ask for."""
    if scope["path"] in _ROUTES:
        return str(scope["path"])
    return str(getattr(scope.get("route"), "path", "other"))

"""The composition root: settings in, ASGI application out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from kit import health, problem
from kit.whole_requests import WholeRequest
from producer_api import log_route
from producer_api.access_openapi import describe_access
from producer_api.gate import Gate
from producer_api.log_route import LogRoute
from producer_api.openapi import describe
from producer_api.publisher import Publisher
from producer_api.refusal_log import RefusalLog
from producer_api.request_id import RequestIds, give_id
from producer_api.settings import Settings

# Shares of drain_timeout_s: requests are answered in the first, Kafka is left in the second.
_ANSWER_SHARE = 0.7
_CLOSE_SHARE = 0.1
_PATH = log_route.PATH.encode()


class Api(FastAPI):
    """Everything but POST /log: documentation, health, metrics, and the refusal of unknown paths."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(title="Actionlog: recording", **options)
        self._settings = settings

    def openapi(self) -> dict[str, Any]:
        schema = describe(super().openapi(), log_route.PATH, self._settings)
        describe_access(schema, log_route.PATH, asks_for_key=self._settings.write_keys_file is not None)
        return schema


class ProducerApp:
    """The ASGI application. POST /log goes straight to its function, all else to FastAPI."""

    def __init__(self, settings: Settings, publisher: Publisher | None = None) -> None:
        """``publisher`` in the place of the one that the settings describe, for tests."""
        self._drain_timeout_s = settings.drain_timeout_s
        self._publisher = publisher or Publisher(settings)
        route = LogRoute(self._publisher, settings)
        self._gate = Gate(route, settings, RefusalLog(settings.log_refusals_per_s), route.answer_whole)
        self._api = Api(settings, lifespan=self._lifespan)
        self._api.router.routes.extend(health.routes({"kafka": self._publisher.problem}))
        problem.install(self._api)
        self._entrance = RequestIds(self._route)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._entrance(scope, receive, send)

    def _route(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"] == log_route.PATH:
            return self._gate(scope, receive, send)
        return self._api(scope, receive, send)

    def answer_whole(self, request: WholeRequest) -> bool:
        """Answer a POST /log that has arrived whole; see kit.whole_requests."""
        path, _, query = request.target.partition(b"?")
        if path != _PATH or request.method != b"POST" or b"#" in query:
            return False
        give_id(request)
        return self._gate.answer_whole(request, query)

    def stop_soon(self) -> None:
        """The process was asked to stop: requests that wait for Kafka are answered before the server gives them up."""
        self._publisher.give_up_after(self._drain_timeout_s * _ANSWER_SHARE)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self._publisher.start()
        watch = asyncio.create_task(self._gate.watch())
        yield
        watch.cancel()
        await self._publisher.close(self._drain_timeout_s * _CLOSE_SHARE)


def create_app(settings: Settings) -> ProducerApp:
    """The application; it connects to Kafka when the server starts it, in the background."""
    return ProducerApp(settings)

"""The composition root of query_api: wires the service, opens nothing before it serves."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from kit import health, problem
from query_api import problems
from query_api.measured import Measured
from query_api.page import Pages
from query_api.routes import log
from query_api.settings import Settings
from query_api.store import Store
from query_api.turns import Turns


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI app. It starts while ClickHouse is away, and recovers by itself."""
    store = Store(settings)
    turns = Turns(
        settings.max_concurrent_queries,
        waiting=settings.max_waiting_requests,
        max_wait_s=settings.max_wait_ms / 1000,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await store.close()

    app = FastAPI(
        title="Actionlog query API",
        summary="Reads user actions back, exactly as they were sent",
        version="1",
        lifespan=lifespan,
        redoc_url=None,
    )
    app.add_middleware(Measured)
    problem.install(app)
    problems.install(app)
    app.include_router(log.router(Pages(store, settings), turns, settings))
    app.router.routes.extend(health.routes({"clickhouse": store.check}))
    return app

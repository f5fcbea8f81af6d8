"""The composition root of query_api: wires the service, opens nothing before it serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from kit import health, problem
from query_api import compression, problems
from query_api.access import access_openapi
from query_api.access.access import Access
from query_api.erasing.erasure_store import ErasureStore
from query_api.erasing.erasures import Erasures
from query_api.estimate import Estimates
from query_api.live.kafka_log import Offsets
from query_api.live.kafka_ranges import Ranges
from query_api.live.pipeline import Pipeline
from query_api.live.receipts import Receipts
from query_api.live.tail import Tail
from query_api.live.watermark import Watermark
from query_api.measured import Measured
from query_api.paging.page import Pages
from query_api.routes import counts, dead_letters, direct, explorer, fields, funnel, log, place, retention
from query_api.routes import erasures as erasures_route
from query_api.routes import pipeline as pipeline_route
from query_api.routes import tail as tail_route
from query_api.serving import Serving
from query_api.settings import Settings
from query_api.store import Store
from query_api.turns import Turns


def create_app(settings: Settings) -> FastAPI:
    """The service as an ASGI app. It starts while ClickHouse is away, and recovers by itself. Raises KeysError."""
    store = Store(settings)
    turns = Turns(
        settings.max_concurrent_queries,
        waiting=settings.max_waiting_requests,
        max_wait_s=settings.max_wait_ms / 1000,
    )

    access = Access(settings)
    offsets = Offsets(settings)
    watermark = Watermark(offsets, settings)
    receipts = Receipts(watermark, settings)
    pipeline = Pipeline(offsets, settings)
    tail, ranges = Tail(settings), Ranges(settings)
    eraser = ErasureStore(settings) if settings.eraser_password else None
    erasures = Erasures(eraser, watermark, offsets, settings) if eraser else None
    serving = Serving(settings, store, turns, Estimates(store, most_rows=settings.max_rows_to_read), access, receipts)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = [asyncio.create_task(access.watch())]
        watching += [asyncio.create_task(erasures.work())] if erasures else []
        yield
        for task in watching:
            task.cancel()
        await tail.close()
        await watermark.close()
        await pipeline.close()
        await offsets.close()
        await store.close()
        if eraser:
            await eraser.close()

    pages = Pages(store, settings)

    app = FastAPI(
        title="Actionlog query API",
        summary="Reads user actions back, exactly as they were sent",
        version="1",
        lifespan=lifespan,
        redoc_url=None,
    )
    compression.install(app)
    app.add_middleware(Measured)
    problem.install(app)
    problems.install(app)
    reading = log.router(serving, pages)
    app.include_router(explorer.router(settings))
    app.include_router(reading)
    app.include_router(fields.router(serving, pages))
    app.include_router(dead_letters.router(serving))
    app.include_router(erasures_route.router(access, erasures))
    app.include_router(counts.router(serving))
    app.include_router(funnel.router(serving))
    app.include_router(retention.router(serving))
    app.include_router(pipeline_route.router(serving, pipeline))
    app.include_router(tail_route.router(serving, tail, ranges))
    app.include_router(place.router(serving, ranges))  # the last of /log/…: it takes any one word there
    app.state.end_streams = tail.end
    direct.shorten(app, reading)
    app.router.routes.extend(health.routes({"clickhouse": store.check}))
    access_openapi.install(app, asks_for_key=settings.keys_file is not None)
    return app

"""query_api in this process, on a namespace of a test's choice."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx

from query_api.app import create_app
from query_api.settings import Settings
from tests.namespace import Namespace


@contextlib.asynccontextmanager
async def serving(namespace: Namespace, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app with these settings."""
    environment = namespace.environment("query_api")
    connection = {name.removeprefix("QUERY_").lower(): value for name, value in environment.items()}
    app = create_app(Settings.model_validate({"extent_max_age_ms": 0, **connection, **settings}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query", timeout=60) as client,
    ):
        yield client

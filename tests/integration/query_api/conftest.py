"""The query service in this process, on the real ClickHouse, in the test's own database."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

import httpx
import pytest

from query_api.app import create_app
from query_api.settings import Settings
from tests.integration.query_api import live
from tests.namespace import Namespace


class Serve(Protocol):
    """``async with serve(max_limit=5) as client:`` serves with these settings, to a client that asks it directly."""

    def __call__(self, **settings: Any) -> contextlib.AbstractAsyncContextManager[httpx.AsyncClient]: ...


@pytest.fixture
def serve(empty_namespace: Namespace) -> Serve:
    environment = empty_namespace.environment("query_api")
    connection = {name.removeprefix("QUERY_").lower(): value for name, value in environment.items()}

    @contextlib.asynccontextmanager
    async def serving(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        # A new app reads how many rows there are; a test that inserts must not wait until it does so again.
        own = {"extent_max_age_ms": 0, "kafka_request_timeout_ms": live.KAFKA_REQUEST_TIMEOUT_MS}
        app = create_app(Settings.model_validate({**own, **connection, **settings}))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://query", timeout=30) as client,
        ):
            yield client

    return serving

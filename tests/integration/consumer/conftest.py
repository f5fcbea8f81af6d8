"""The sink's parts on the real servers."""

from collections.abc import AsyncIterator

import pytest

from consumer.settings import Settings
from consumer.store import Store
from tests.namespace import Namespace


@pytest.fixture
def settings(namespace: Namespace) -> Settings:
    environment = namespace.environment("consumer")
    values = {name.removeprefix("CONSUMER_").lower(): value for name, value in environment.items()}
    return Settings.model_validate({**values, "kafka_session_timeout_ms": 6_000, "backoff_max_ms": 200})


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = Store(settings)
    await opened.open()
    yield opened
    await opened.close()

"""The producer API in this process, on a real port, and as a process of its own; both on a topic of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from kit import server
from producer_api.app import create_app
from producer_api.settings import Settings
from tests.integration.producer_api.own_kafka import OwnKafka
from tests.integration.producer_api.topic import make_topic
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.services import Service
from tests.waiting import wait_until_async

READY_S = 60.0


@pytest.fixture
async def topic(empty_namespace: Namespace) -> str:
    """A topic of the test's own, with 3 partitions, on the run's broker."""
    await make_topic(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
    return empty_namespace.topic


class Serve(Protocol):
    """``await serve(max_actions=2)``: a client of the API with these settings, connected to Kafka."""

    async def __call__(self, **settings: float) -> httpx.AsyncClient: ...


@pytest.fixture
async def serve(empty_namespace: Namespace, topic: str) -> AsyncIterator[Serve]:
    """Serves the API inside this process, which takes a second less than a process of its own."""
    async with AsyncExitStack() as stack:

        async def start(**settings: float) -> httpx.AsyncClient:
            own = {"kafka_bootstrap_servers": empty_namespace.infra.kafka_bootstrap, "kafka_topic": topic}
            return await stack.enter_async_context(_served(Settings.model_validate({**own, **settings})))

        yield start


@asynccontextmanager
async def _served(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    (port,) = free_ports(1)
    listening = server.build(create_app(settings), settings.model_copy(update={"port": port}))
    serving = asyncio.create_task(listening.serve())
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            await wait_until_async(lambda: _is_ready(client), READY_S, "the API is ready")
            yield client
    finally:
        listening.should_exit = True
        await serving


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


class StartProducer(Protocol):
    """``start_producer(kafka, topic, {"REQUEST_TIMEOUT_S": "1"})``: settings without their prefix."""

    def __call__(
        self, kafka: str, topic: str, settings: Mapping[str, str] | None = None, *, wait: bool = True
    ) -> Service: ...


@pytest.fixture
def start_producer(tmp_path: Path) -> Iterator[StartProducer]:
    """Starts ``python -m producer_api`` and ends it after the test."""
    started: list[Service] = []

    def start(kafka: str, topic: str, settings: Mapping[str, str] | None = None, *, wait: bool = True) -> Service:
        (port,) = free_ports(1)
        values = {"PORT": str(port), "KAFKA_BOOTSTRAP_SERVERS": kafka, "KAFKA_TOPIC": topic, **(settings or {})}
        environment = {f"PRODUCER_{name}": value for name, value in values.items()}
        service = Service("producer_api", port, environment, tmp_path / f"producer-{len(started)}.log")
        started.append(service)
        return service.start(wait=wait)

    yield start
    for service in started:
        service.close()


@pytest.fixture(scope="module")
def own_kafka(infra: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnKafka]:
    """A formatted broker of this module's own, not running. ``infra`` has fetched what it is made of."""
    kafka = OwnKafka(tmp_path_factory.mktemp("own-kafka"))
    yield kafka
    kafka.stop()

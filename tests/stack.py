"""Fixtures of the real servers: a pytest plugin (``pytest_plugins = ["tests.stack"]``).

``infra``           Kafka and ClickHouse, started by the first test of the run that asks, stopped at its end.
``namespace``       a topic, a group and a database of the test's own, with tables; ``@pytest.mark.partitions(5)``.
``empty_namespace`` the names only: nothing is made, everything is dropped.
``start_service``   starts one of our services in the test's namespace.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from deploy.local.services import SERVICES
from tests import infra as pair
from tests import namespace as names
from tests.infra import Infra
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.services import Service

_DEFAULT_PARTITIONS = 3


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "partitions(n): partitions of the namespace's topic; default 3")
    if not hasattr(config, "workerinput"):
        pair.announce_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        pair.stop()


@pytest.fixture(scope="session")
def infra() -> Infra:
    """The run's Kafka and ClickHouse."""
    return pair.start_or_join()


@pytest.fixture
def empty_namespace(infra: Infra) -> Iterator[Namespace]:
    """Names of the test's own, with nothing behind them yet."""
    fresh = names.new(infra)
    yield fresh
    names.drop(fresh)


@pytest.fixture
def namespace(empty_namespace: Namespace, request: pytest.FixtureRequest) -> Namespace:
    """A topic and tables of the test's own."""
    marker = request.node.get_closest_marker("partitions")
    names.create(empty_namespace, marker.args[0] if marker else _DEFAULT_PARTITIONS)
    return empty_namespace


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives a port on which nothing listens."""
    return lambda: free_ports(1)[0]


class StartService(Protocol):
    """``start_service("consumer", FLUSH_AFTER_MS="50")``: settings without their prefix."""

    def __call__(self, module: str, *, wait: bool = True, port: int | None = None, **settings: str) -> Service: ...


@pytest.fixture
def start_service(namespace: Namespace, tmp_path: Path) -> Iterator[StartService]:
    """Starts services in the test's namespace and ends them after it."""
    started: list[Service] = []

    def start(module: str, *, wait: bool = True, port: int | None = None, **settings: str) -> Service:
        prefix = next(s.prefix for s in SERVICES if s.module == module)
        port = port or free_ports(1)[0]
        own = {"HOST": "127.0.0.1", "PORT": str(port), **settings}
        environment = {**namespace.environment(module), **{f"{prefix}_{name}": value for name, value in own.items()}}
        service = Service(module, port, environment, tmp_path / f"{module}-{len(started)}.log")
        started.append(service)
        return service.start(wait=wait)

    yield start
    for service in started:
        service.close()

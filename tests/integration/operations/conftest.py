"""A ClickHouse that may be stopped, and a world of the test's own on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import namespace as names
from tests.faults import books
from tests.infra import Infra
from tests.integration.operations.own_clickhouse import OwnClickHouse
from tests.integration.producer_api.conftest import start_producer as start_producer
from tests.namespace import Namespace

PARTITIONS = 3


@pytest.fixture
def clickhouse(infra: Infra, tmp_path: Path) -> Iterator[OwnClickHouse]:
    """Running, with the project's users and the backup's; beside it the run's Kafka."""
    own = OwnClickHouse(tmp_path / "clickhouse", infra)
    yield own.start()
    own.stop()


@pytest.fixture
def empty_namespace(clickhouse: OwnClickHouse) -> Iterator[Namespace]:
    """Names on that ClickHouse instead of the run's; ``namespace`` and ``start_service`` follow."""
    fresh = names.new(clickhouse.infra)
    yield fresh
    names.drop(fresh)


@pytest.fixture
def unmerged(namespace: Namespace) -> Namespace:
    """Its tables are never merged, so that a row stored twice is seen; also after they were restored."""
    books.stop_merges(namespace)
    return namespace

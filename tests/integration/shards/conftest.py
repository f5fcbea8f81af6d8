"""Two shards for this folder's tests, and a namespace on them."""

from collections.abc import Iterator

import pytest

from tests.infra import Infra
from tests.shards import ShardedNamespace, Shards, running, sharded

_PARTITIONS = 4


@pytest.fixture(scope="package")
def shards(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    with running(tmp_path_factory.mktemp("shards"), infra, 2) as started:
        yield started


@pytest.fixture
def namespace(infra: Infra, shards: Shards) -> Iterator[ShardedNamespace]:
    """In the place of the plain one, so that ``start_service`` starts services on the shards."""
    with sharded(infra, shards, _PARTITIONS) as made:
        yield made

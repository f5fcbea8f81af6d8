"""Fault tests: real servers and real processes, killed. `make faults` runs all, `make test` those marked ``ci``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import servers
from tests.faults.rig import Rig
from tests.infra import Infra
from tests.selection import leave_out_unless_named

_PARTITIONS = 3
_FOLDER = Path(__file__).resolve().parent
_TEST_S = 600  # the first of a module waits for servers of its own, which may take minutes beside other tests


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among all other tests only a bounded subset."""
    leave_out_unless_named(_FOLDER, config, items, keep=lambda item: item.get_closest_marker("ci") is not None)
    for item in items:
        if item.path.is_relative_to(_FOLDER) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TEST_S))


@pytest.fixture(scope="module")
def servers_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Infra]:
    """A pair for this module: its tests kill servers."""
    with servers.running(tmp_path_factory.mktemp("servers")) as infra:
        yield infra


@pytest.fixture
def rig(servers_of_its_own: Infra, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """Topic and tables of the test's own on the module's servers; ``@pytest.mark.partitions(1)``."""
    marker = request.node.get_closest_marker("partitions")
    made = Rig(servers_of_its_own, tmp_path, marker.args[0] if marker else _PARTITIONS)
    try:
        yield made.open()
    finally:
        made.close()

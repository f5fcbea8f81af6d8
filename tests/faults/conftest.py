"""Fault tests: real servers and real processes, killed. `make faults` runs all, `make test` those marked ``ci``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import servers
from tests.faults.rig import Rig
from tests.infra import Infra

_PARTITIONS = 3
_FOLDER = Path(__file__).resolve().parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All of them run when this folder, or a test in it, is named; among all other tests only a bounded subset."""
    named = [(config.invocation_params.dir / argument.split("::")[0]).resolve() for argument in config.args]
    if any(path.is_relative_to(_FOLDER) for path in named):
        return
    left_out = {item for item in items if item.path.is_relative_to(_FOLDER) and not item.get_closest_marker("ci")}
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


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

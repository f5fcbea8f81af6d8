"""The images with Kafka and ClickHouse in containers: `make test-containers`. Left out when all tests are run."""

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.containers.settings import Images
from tests.selection import leave_out_unless_named, unavailable

# The cleaner of testcontainers is one more image to pull; the fixtures remove what they start.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
pytest.register_assert_rewrite("tests.end_to_end.sample_cases", "tests.end_to_end.restart_cases")

_FOLDER = Path(__file__).resolve().parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_unless_named(_FOLDER, config, items)


@pytest.fixture(scope="session")
def images() -> Images:
    """The images' names, after a look that Docker answers and has ours. Those of Kafka and ClickHouse it may pull."""
    chosen = Images()
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except docker.errors.DockerException as error:
        unavailable(f"no Docker daemon answers: {error}")
    there = {tag for image in client.images.list() for tag in image.tags}
    client.close()
    missing = [name for name in chosen.own() if name not in there]
    if missing:
        unavailable(f"run `make images` first: {', '.join(missing)} not there")
    return chosen


@pytest.fixture(scope="session")
def stack(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The running system, one for all these tests."""
    from tests.containers import system  # after the variable above is set

    with system.running(images, tmp_path_factory.mktemp("containers") / "passwords.json") as containers:
        yield containers

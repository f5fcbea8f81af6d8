"""What holds for the processes of `make run` holds for the images: the same cases, and what only images promise."""

import signal

import docker
import pytest

from tests.containers.settings import SERVICES, Images
from tests.containers.system import Containers
from tests.end_to_end.restart_cases import RestartCases
from tests.end_to_end.sample_cases import SampleCases
from tests.end_to_end.system import READY_S
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(420)


class TestSample(SampleCases):
    """In containers."""


class TestRestarts(RestartCases):
    """Of containers."""


@pytest.mark.parametrize("name", SERVICES)
def test_docker_sees_each_service_healthy(stack: Containers, name: str) -> None:
    wait_until(lambda: stack.health(name) == "healthy", READY_S, f"{name} is healthy by its own HEALTHCHECK")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_nobody_and_cannot_write_its_image(stack: Containers, name: str) -> None:
    assert stack.run(name, "id", "-u") == (0, "10001\n")
    code, said = stack.run(name, "touch", "/app/written")
    assert (code, "Read-only file system" in said) == (1, True)
    assert stack.run(name, "sh", "-c", "command -v gcc cc pip pip3 strip")[1] == ""


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_as_process_1_ends_by_itself_when_asked(stack: Containers, name: str) -> None:
    stack.restart(name, signal.SIGTERM)
    stack.wait_ready(name)


def test_an_image_is_small_and_says_what_it_is(images: Images) -> None:
    client = docker.from_env()
    for name in images.own():
        image = client.images.get(name)
        assert image.attrs["Size"] < 200_000_000
        assert image.labels["org.opencontainers.image.version"] == images.version
        assert image.labels["org.opencontainers.image.revision"]
        assert image.attrs["Config"]["User"] == "10001:10001"
    client.close()

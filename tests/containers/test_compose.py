"""`docker compose up --wait`, as docs/deploy.md says it, in a project and on ports of the test's own."""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from deploy.local.settings import CHECKOUT
from tests.containers.settings import Images
from tests.end_to_end.sample_cases import JSON, SAMPLE
from tests.ports import free_ports
from tests.selection import unavailable

pytestmark = pytest.mark.timeout(420)

COMPOSE = CHECKOUT / "deploy" / "compose"
_PORTS = ("KAFKA_PORT", "CLICKHOUSE_PORT", "PRODUCER_PORT", "QUERY_PORT")
_UP_S = 240
_DOWN_S = 90


class Project:
    """One compose project: its ports by their variables, its secrets' folder."""

    def __init__(self, folder: Path, secrets_dir: Path) -> None:
        self.name = f"actionlog-test-{secrets.token_hex(4)}"
        self.ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        ports = {name: str(port) for name, port in self.ports.items()}
        self._environment = {**os.environ, **ports, "ACTIONLOG_SECRETS": str(secrets_dir)}
        self._folder = folder

    def compose(self, *words: str, timeout_s: float, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["docker", "compose", "-p", self.name, "-f", str(COMPOSE / "compose.yaml"), *words]
        done = subprocess.run(
            command,
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{done.stdout}\n{done.stderr}\n{self._logs()}"
        return done

    def url(self, variable: str) -> str:
        return f"http://127.0.0.1:{self.ports[variable]}"

    def states(self) -> Mapping[str, str]:
        """Each running service's health."""
        lines = self.compose("ps", "--format", "{{.Service}} {{.Health}}", timeout_s=30).stdout.splitlines()
        return dict(line.split() for line in lines)

    def _logs(self) -> str:
        command = ["docker", "compose", "-p", self.name, "logs", "--tail", "40"]
        return self._run(command, 60).stdout

    def _run(self, command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@contextlib.contextmanager
def project(folder: Path, secrets_dir: Path) -> Iterator[Project]:
    """Removed with its volumes, in any case."""
    made = Project(folder, secrets_dir)
    try:
        yield made
    finally:
        made.compose("--profile", "*", "down", "--volumes", "--timeout", "20", timeout_s=_DOWN_S)


def assert_clickhouse_lets_nobody_in(url: str) -> None:
    """Without our passwords; `default` has none, and may do everything."""
    assert httpx.get(f"{url}/ping", timeout=10).status_code == 200
    for user in ("default", "actionlog_admin", "actionlog_reader"):
        answer = httpx.post(url, content="SELECT 1", headers={"X-ClickHouse-User": user}, timeout=10)
        assert answer.status_code in {401, 403}, f"{user}: {answer.text}"


@pytest.fixture
def needs_compose(images: Images) -> None:
    """Skips where the plugin is missing; compose would build images that are not there."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=30, check=False).returncode:
        unavailable("docker has no compose plugin")


@pytest.mark.usefixtures("needs_compose")
def test_compose_comes_up_healthy_answers_the_readmes_request_and_takes_more_consumers(tmp_path: Path) -> None:
    made = tmp_path / "secrets"
    script = ["sh", str(COMPOSE / "make-secrets.sh")]
    subprocess.run(script, env={**os.environ, "ACTIONLOG_SECRETS": str(made)}, timeout=30, check=True)
    with project(tmp_path, made) as running:
        running.compose("up", "--wait", "--no-build", timeout_s=_UP_S)
        expected = dict.fromkeys(["kafka", "clickhouse", "producer-api", "consumer", "query-api"], "healthy")
        assert running.states() == expected
        posted = httpx.post(f"{running.url('PRODUCER_PORT')}/log", content=SAMPLE, headers=JSON, timeout=20)
        assert posted.status_code == 200, posted.text
        url = f"{running.url('QUERY_PORT')}/log"
        filters = {"userId": "ABC12312XYZ", "after": posted.json()["receipt"]}
        actions = httpx.get(url, params=filters, timeout=20).json()["actions"]
        assert sorted(action["id"] for action in actions) == sorted(posted.json()["ids"])
        assert_clickhouse_lets_nobody_in(running.url("CLICKHOUSE_PORT"))
        running.compose("--profile", "scale", "up", "--wait", "--no-build", timeout_s=_UP_S)
        assert running.states() == expected | dict.fromkeys(["consumer-2", "consumer-3"], "healthy")


@pytest.mark.usefixtures("needs_compose")
@pytest.mark.parametrize("service", ["clickhouse", "consumer", "query-api"])
def test_a_sample_secret_starts_nothing(tmp_path: Path, service: str) -> None:
    """They are in the repository: whoever has read it would be let in."""
    with project(tmp_path, COMPOSE / "secrets.sample") as refused:
        done = refused.compose("run", "--rm", "--no-deps", service, timeout_s=60, check=False)
    assert done.returncode != 0
    assert "sample" in done.stdout + done.stderr

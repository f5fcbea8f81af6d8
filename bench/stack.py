"""The whole stack as a user starts it, for one benchmark: free ports, a data folder of its own, stopped in any case."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.client import Address
from deploy.local import passwords, ports, state
from deploy.local.child import tie_to_parent
from deploy.local.components import fetch
from deploy.local.components.engine_package import EnginePackage
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.console import Terminal
from deploy.local.passwords import User
from deploy.local.services import DATABASE, SERVICES
from deploy.local.settings import LocalSettings

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_START_S: Final = 180.0
_STOP_S: Final = 60.0
_POLL_S: Final = 0.1
_HTTP_S: Final = 30.0
_PREFIXES: Final = ("PRODUCER_", "CONSUMER_", "QUERY_", "SETUP_")
# Where a user's own services listen and connect to is not ours to touch; secrets don't belong into a history.
_OURS: Final = ("_HOST", "_PORT", "_KAFKA_BOOTSTRAP", "_KAFKA_TOPIC", "_KAFKA_GROUP", "_CLICKHOUSE_URL")
_SECRET: Final = ("_USER", "_PASSWORD", "_SECRET", "_CLICKHOUSE_DATABASE", "_SASL", "_SSL", "_TLS", "_KEY")


class StackError(Exception):
    """The stack did not start or did not stay up; the message ends with its log."""


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    producer: Address
    query: Address
    pids: Mapping[str, int]
    clickhouse_url: str
    reader: User

    def ask_clickhouse(self, sql: str) -> str:
        """One SELECT; its answer as text. Raises OSError."""
        headers = {"X-ClickHouse-User": self.reader.name, "X-ClickHouse-Key": self.reader.password}
        url = f"{self.clickhouse_url}/?database={DATABASE}"
        request = urllib.request.Request(url, data=sql.encode(), headers=headers)  # noqa: S310 - our own http URL
        with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:  # noqa: S310
            return str(answer.read().decode()).strip()

    def stored_actions(self) -> int:
        """Rows of the table, without FINAL: a duplicate would count."""
        return int(self.ask_clickhouse("SELECT count() FROM actions"))


def changed_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings of the services that the user has changed: they are passed on, and belong beside the figures."""
    foreign = (*_OURS, *_SECRET)
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_PREFIXES) and not any(part in name for part in foreign)
    }


def kept_environment() -> dict[str, str]:
    """This process's environment with, of the services' settings, only those that are passed on."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)}
    return {**others, **changed_settings(os.environ)}


def fetch_components() -> None:
    """Download Kafka and ClickHouse where they are not there yet, with progress. Raises LocalError."""
    settings = LocalSettings()
    jars, package = KafkaJars(settings.cache_dir), EnginePackage(settings.cache_dir)
    with Terminal() as terminal:
        fetch.ensure([jars, package], settings.cache_dir, terminal, timeout_s=settings.download_timeout_s)


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[Stack]:
    """Start it, and stop it in any case. Raises StackError. To be entered in the main thread."""
    log = data_dir / "stack.log"
    with log.open("wb") as output:
        # Tied to this process: were the benchmark killed, nothing of the stack would linger.
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run"],
            cwd=_CHECKOUT,
            env=_environment(data_dir),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=tie_to_parent(),
        )
    try:
        yield _wait_ready(process, data_dir, log)
    finally:
        stop(process, _STOP_S)


def _environment(data_dir: Path) -> dict[str, str]:
    names = ("KAFKA", "KAFKA_CONTROLLER", "CLICKHOUSE", "PRODUCER", "QUERY", "CONSUMER")
    own = {f"LOCAL_{name}_PORT": str(port) for name, port in zip(names, ports.free_ports(len(names)), strict=True)}
    return {**kept_environment(), **own, "LOCAL_DATA_DIR": str(data_dir)}


def _wait_ready(process: subprocess.Popen[bytes], data_dir: Path, log: Path) -> Stack:
    deadline = time.monotonic() + _START_S
    while True:
        processes = state.read(data_dir / "run" / "stack.json")
        if all(service.module in processes and ready(processes[service.module]["url"]) for service in SERVICES):
            break
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"the stack did not start:\n{log.read_text(errors='replace')}")
        time.sleep(_POLL_S)
    return Stack(
        producer=Address(ports.HOST, processes["producer_api"]["port"]),
        query=Address(ports.HOST, processes["query_api"]["port"]),
        pids={name: entry["pid"] for name, entry in processes.items()},
        clickhouse_url=processes["clickhouse"]["url"],
        reader=passwords.load_or_create(data_dir / "passwords.json")["reader"],
    )


def ready(url: str) -> bool:
    """Whether the service at the URL answers that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_HTTP_S) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except OSError:  # refused while it starts; 503 is one too
        return False


def stop(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """SIGTERM, and SIGKILL when it has not ended within ``timeout_s`` seconds."""
    process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()  # takes its children along
        process.wait()

"""What the ingest benchmark runs, each as a process of its own: Kafka alone, the producer API, and the empty route."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import stack
from bench.client import Address
from bench.stack import StackError
from deploy.local import ports, readiness
from deploy.local.child import tie_to_parent
from deploy.local.components.java import find_java
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.kafka import Broker, Node
from deploy.local.settings import LocalSettings

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_START_S: Final = 60.0
_STOP_S: Final = 20.0
_POLL_S: Final = 0.05
_LOG_CHARS: Final = 4_000


@dataclass(frozen=True)
class Server:
    """A process that listens."""

    address: Address
    pid: int

    @property
    def servers(self) -> str:
        """As Kafka's clients want it."""
        return f"{self.address.host}:{self.address.port}"


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[Server]:
    """A broker with an empty data folder, as the local stack runs it. Raises StackError."""
    settings = LocalSettings()
    port, controller_port = ports.free_ports(2)
    node = Node(1, port, controller_port, folder / "kafka")
    jars = KafkaJars(settings.cache_dir).classpath
    broker = Broker(node, find_java(settings.java), jars, folder / "server.properties", settings.kafka_heap_mb)
    broker.write_properties()
    subprocess.run(broker.format_argv(), check=True, capture_output=True, timeout=_START_S)
    address = Address(ports.HOST, port)
    with _running(
        broker.argv(), {}, folder / "kafka.log", lambda: asyncio.run(readiness.kafka_answers(*address))
    ) as pid:
        yield Server(address, pid)


@contextlib.contextmanager
def api(module: str, environment: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """``python -m <module>``, a service that answers /readyz and reads PRODUCER_PORT. Raises StackError."""
    (port,) = ports.free_ports(1)
    values = {**environment, "PRODUCER_HOST": ports.HOST, "PRODUCER_PORT": str(port), "PRODUCER_WORKERS": "1"}
    url = f"http://{ports.HOST}:{port}"
    argv = [sys.executable, "-m", module]
    with _running(argv, values, folder / f"{module}.log", lambda: stack.ready(url)) as pid:
        yield Server(Address(ports.HOST, port), pid)


@contextlib.contextmanager
def _running(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, is_ready: Callable[[], bool]
) -> Iterator[int]:
    """The pid of a child that is ready; it is stopped in any case. To be entered in the main thread."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=_CHECKOUT,
            env={**stack.kept_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=tie_to_parent(),
        )
    try:
        deadline = time.monotonic() + _START_S
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"{argv[-1]} did not start:\n{log.read_text(errors='replace')[-_LOG_CHARS:]}")
            time.sleep(_POLL_S)
        yield process.pid
    finally:
        stack.stop(process, _STOP_S)

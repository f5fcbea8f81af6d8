"""A ClickHouse cluster of shards: engines of a test module's own, which ask each other over the native protocol.

    @pytest.fixture(scope="module")
    def shards(infra: Infra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
        with running(tmp_path_factory.mktemp("shards"), infra, 2) as started:
            yield started

    @pytest.fixture
    def namespace(infra: Infra, shards: Shards) -> Iterator[ShardedNamespace]:
        with sharded(infra, shards, partitions=4) as made:
            yield made

A fixture named ``namespace`` takes the place of the plain one, so that ``start_service`` starts services on the shards.
Replication is not here: this build of the engine cannot do it (docs/cluster.md).
"""

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from contract.tables import all_shards
from deploy.local import passwords
from deploy.local.child import tie_to_parent
from deploy.local.clickhouse import Engine, Shard
from deploy.local.components.engine_package import EnginePackage
from deploy.local.services import SERVICES, SETUP
from deploy.local.settings import CHECKOUT, LocalSettings
from tests import namespace as names
from tests.infra import Infra
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.waiting import wait_until

CLUSTER: Final = "actionlog"  # its name in remote_servers

_START_S = 90.0
_STOP_S = 20.0
_MEMORY_MB = 2048


class ShardServer:
    """One engine as a process. Killed and started again, it has its data and its ports."""

    def __init__(self, engine: Engine, infra: Infra, log: Path) -> None:
        self.url = engine.url
        self._engine = engine
        self._infra = replace(infra, clickhouse_url=engine.url)
        self._log = log
        self._output: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def shard(self) -> Shard:
        if self._engine.shard is None:
            raise RuntimeError("this engine is no shard")
        return self._engine.shard

    def join(self, tcp_ports: Sequence[int], number: int) -> None:
        """Start it again as this one of the cluster's shards. A server of ClickHouse reads such a change by itself."""
        self.close()
        self._engine = replace(self._engine, shard=replace(self.shard, tcp_ports=tcp_ports, number=number))
        self.start()

    def start(self, *, wait: bool = True) -> None:
        """Start it (again); by default wait until it answers."""
        self._engine.write_config()
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(
            self._engine.argv(),
            cwd=CHECKOUT,
            env={**os.environ, **passwords.environment(self._infra.users)},
            stdin=subprocess.PIPE,  # the engine ends when it is closed
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
            preexec_fn=tie_to_parent(),
        )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        wait_until(self.is_up, _START_S, f"the shard at {self.url} answers")

    def is_up(self) -> bool:
        """Whether it answers a query. Fails with the log when its process has ended by itself."""
        if self._process is None:
            return False
        if (code := self._process.poll()) is not None:
            raise AssertionError(f"the shard at {self.url} ended with {code}:\n{self._log.read_text()[-4000:]}")
        try:
            return self.query("SELECT 1") == "1"
        except (OSError, RuntimeError):
            return False

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. It stays away until it is started."""
        if self._process is not None:
            self._process.kill()
            self._forget(self._process)

    def close(self) -> None:
        """End it, politely at first."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.stdin.close()
                self._process.wait(_STOP_S)
        self.kill()

    def query(self, sql: str, role: str = "admin") -> str:
        """One statement: the answer's text. Raises RuntimeError with ClickHouse's error, OSError when it is away."""
        return self._infra.query(sql, role)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        if self._output is not None:
            self._output.close()
        self._process = self._output = None


Shards = Sequence[ShardServer]


def join(shards: Shards) -> None:
    """Make one cluster of engines that were apart."""
    tcp_ports = [server.shard.tcp_port for server in shards]
    for number, server in enumerate(shards):
        server.join(tcp_ports, number)


@contextlib.contextmanager
def running(folder: Path, infra: Infra, count: int = 2, *, apart: bool = False) -> Iterator[Shards]:
    """That many engines with their data in ``folder`` and the users of ``infra``; they end with this context.

    ``apart``: each is a cluster of its own, until ``join``.
    """
    library = EnginePackage(LocalSettings().cache_dir).library  # fetched: ``infra`` runs on it
    ports = free_ports(2 * count)
    ports, tcp_ports = ports[:count], ports[count:]
    secret = secrets.token_hex(16)
    servers = [
        ShardServer(
            Engine(
                library,
                port,
                folder / f"shard-{number}",
                folder / f"config-{number}",
                _MEMORY_MB,
                Shard(CLUSTER, [tcp_ports[number]], 0, secret) if apart else Shard(CLUSTER, tcp_ports, number, secret),
            ),
            infra,
            folder / f"shard-{number}.log",
        )
        for number, port in enumerate(ports)
    ]
    try:
        for server in servers:
            server.start(wait=False)
        for server in servers:
            server.wait_ready()
        yield servers
    finally:
        for server in servers:
            server.close()


@dataclass(frozen=True)
class ShardedNamespace(Namespace):
    """Names of a test's own on the shards; ``infra.clickhouse_url`` is the first one's.

    shards   those that the services are told of, in this order
    """

    shards: Shards = ()

    def environment(self, module: str) -> dict[str, str]:
        prefix = next(service.prefix for service in (*SERVICES, SETUP) if service.module == module)
        values = {f"{prefix}_CLICKHOUSE_SHARD_URLS": ",".join(shard.url for shard in self.shards)}
        if module == SETUP.module:
            values |= {"SETUP_CLICKHOUSE_CLUSTER": CLUSTER, "SETUP_CLICKHOUSE_REPLICATED": "false"}
        return super().environment(module) | values

    def on(self, shard: int, sql: str, role: str = "admin") -> str:
        """A statement on one shard; ``{db}`` becomes the database of its local tables."""
        return self.shards[shard].query(sql.replace("{db}", self.database), role)

    def on_each(self, sql: str, role: str = "admin") -> list[str]:
        """The same on every shard, in their order."""
        return [self.on(number, sql, role) for number in range(len(self.shards))]

    def query(self, sql: str, role: str = "admin") -> str:
        """On the first shard; ``{db}`` becomes the database of the Distributed tables, which read every shard."""
        return self.shards[0].query(sql.replace("{db}", all_shards(self.database)), role)


@contextlib.contextmanager
def sharded(infra: Infra, shards: Shards, partitions: int = 3) -> Iterator[ShardedNamespace]:
    """A topic, and tables on every shard, by the project's own setup."""
    plain = names.new(infra)
    first = replace(infra, clickhouse_url=shards[0].url)
    namespace = ShardedNamespace(first, plain.topic, plain.group, plain.database, shards)
    try:
        names.create(namespace, partitions)
        yield namespace
    finally:
        for shard in shards:
            for database in (all_shards(namespace.database), namespace.database):
                with contextlib.suppress(OSError, RuntimeError):
                    shard.query(f"DROP DATABASE IF EXISTS {database} SYNC")
        names.drop(namespace)

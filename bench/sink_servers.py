"""What the sink's benchmark runs on: Kafka and ClickHouse of the local stack, in a folder of their own.

ClickHouse gets one more user, who may do what a user of ClickHouse's own Kafka engine has to be allowed.
"""

import contextlib
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import ingest_servers, stack
from bench.ingest_servers import Server
from bench.stack import StackError
from deploy.local import passwords, ports
from deploy.local.child import tie_to_parent
from deploy.local.clickhouse import Engine
from deploy.local.components.engine_package import EnginePackage
from deploy.local.passwords import User
from deploy.local.settings import LocalSettings

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_START_S: Final = 60.0
_STOP_S: Final = 20.0
_POLL_S: Final = 0.05
_HTTP_S: Final = 120.0

BENCH_USER: Final = User("bench", "bench")
_BENCH_USERS_XML: Final = """\
<clickhouse>
    <users>
        <bench>
            <password>bench</password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants><query>GRANT ALL ON *.*</query></grants>
        </bench>
    </users>
</clickhouse>
"""


@dataclass(frozen=True)
class ClickHouse:
    """A running engine."""

    url: str
    pid: int
    users: Mapping[str, User]

    def ask(self, sql: str, database: str = "default") -> str:
        """One statement as the benchmark's user; its answer as text. Raises OSError (HTTPError with the reason)."""
        parameters = urllib.parse.urlencode({"database": database})
        headers = {"X-ClickHouse-User": BENCH_USER.name, "X-ClickHouse-Key": BENCH_USER.password}
        request = urllib.request.Request(f"{self.url}/?{parameters}", data=sql.encode(), headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_HTTP_S) as answer:  # noqa: S310 - our own http URL
            return str(answer.read().decode()).strip()

    def rows(self, database: str, table: str = "actions") -> int:
        return int(self.ask(f"SELECT count() FROM {table}", database))  # noqa: S608 - our own table


@dataclass(frozen=True)
class Pair:
    """Both servers."""

    kafka: Server
    clickhouse: ClickHouse

    @property
    def pids(self) -> dict[str, int]:
        return {"kafka": self.kafka.pid, "clickhouse": self.clickhouse.pid}


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Pair]:
    """Both, stopped in any case. Raises StackError. To be entered in the main thread."""
    with ingest_servers.kafka(folder) as kafka, _clickhouse(folder) as clickhouse:
        yield Pair(kafka, clickhouse)


@contextlib.contextmanager
def _clickhouse(folder: Path) -> Iterator[ClickHouse]:
    settings = LocalSettings()
    (port,) = ports.free_ports(1)
    library = EnginePackage(settings.cache_dir).library
    engine = Engine(library, port, folder / "clickhouse", folder / "config", settings.clickhouse_memory_mb)
    engine.write_config()
    (engine.config_dir / "users.d" / "bench.xml").write_text(_BENCH_USERS_XML)
    users = passwords.load_or_create(folder / "passwords.json")
    log = folder / "clickhouse.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            engine.argv(),
            cwd=_CHECKOUT,
            env={**stack.kept_environment(), **passwords.environment(users)},
            stdin=subprocess.PIPE,  # the engine ends with it
            stdout=output,
            stderr=output,
            preexec_fn=tie_to_parent(),
        )
    try:
        _wait_ready(process, engine.url, log)
        yield ClickHouse(engine.url, process.pid, users)
    finally:
        stack.stop(process, _STOP_S)
        if process.stdin is not None:
            process.stdin.close()


def _wait_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/ping", timeout=_HTTP_S):  # noqa: S310
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"ClickHouse did not start:\n{log.read_text(errors='replace')}")
        time.sleep(_POLL_S)

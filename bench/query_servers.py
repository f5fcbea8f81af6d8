"""What the query benchmark runs: ClickHouse over a set of actions that is kept for the next run, and one query_api."""

import asyncio
import contextlib
import fcntl
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import query_data, stack
from bench.client import Address
from bench.query_http import Kept, RefusedError, Sql
from bench.report import Paper
from bench.stack import StackError
from deploy.local import passwords, ports
from deploy.local.child import tie_to_parent
from deploy.local.clickhouse import Engine
from deploy.local.components.engine_package import EnginePackage
from deploy.local.passwords import User
from deploy.local.services import DATABASE, SERVICES, environment
from deploy.local.settings import LocalSettings
from deploy.setup.migrate import load, migrate
from deploy.setup.settings import SetupSettings
from kit.clickhouse import connect

_CHECKOUT: Final = Path(__file__).resolve().parents[1]
_START_S: Final = 120.0
_STOP_S: Final = 60.0
_MERGED_S: Final = 600.0
_POLL_S: Final = 0.1
_LOG_CHARS: Final = 4_000
# So that 90 days may be counted by the hour, and 100 million rows on a slow machine: bounds are not what is measured.
_ROOM: Final = {"QUERY_MAX_POINTS": "3000", "QUERY_QUERY_TIMEOUT_MS": "120000"}
_NO_KAFKA: Final = f"{ports.HOST}:9"  # nobody listens there: reads do not need it
_QUERY: Final = next(service for service in SERVICES if service.module == "query_api")


@dataclass(frozen=True)
class Server:
    """A process that listens."""

    address: Address
    pid: int

    @property
    def url(self) -> str:
        return f"http://{self.address.host}:{self.address.port}"


@dataclass(frozen=True)
class ClickHouse:
    """An engine that has the actions, and its users."""

    server: Server
    users: Mapping[str, User]

    def connection(self, role: str = "reader", database: str = DATABASE) -> Kept:
        return Kept(self.server.address, self.users[role], database)


def folder_for(rows: int) -> Path:
    """Where a set of so many actions is kept, for this schema."""
    schema = "".join(migration.sql for migration in load())
    name = f"{rows}-{query_data.fingerprint(schema)}"
    return Path(tempfile.gettempdir()) / "actionlog-bench-query" / name


@contextlib.contextmanager
def clickhouse(folder: Path, rows: int, paper: Paper) -> Iterator[ClickHouse]:
    """ClickHouse with the actions in ``folder``, made first where they are missing. One benchmark at a time.

    Raises StackError, OSError, RefusedError. To be entered in the main thread.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"another benchmark uses {folder}") from None
        with _engine(folder) as running:
            if not (folder / "complete").exists():
                _remove_others(folder, rows)
                _build(running, rows, paper)
                (folder / "complete").touch()
            yield running


@contextlib.contextmanager
def query_api(engine: ClickHouse, folder: Path) -> Iterator[Server]:
    """One query_api with its default settings, but for two bounds. Raises StackError."""
    (port,) = ports.free_ports(1)
    own = environment(
        _QUERY,
        kafka=_NO_KAFKA,
        topic="actions",
        clickhouse_url=engine.server.url,
        database=DATABASE,
        users=engine.users,
    )
    listen = {"QUERY_HOST": ports.HOST, "QUERY_PORT": str(port), **_ROOM}
    argv = [sys.executable, "-m", "query_api"]
    address = Address(ports.HOST, port)
    with _running(argv, {**own, **listen}, folder / "query_api.log", lambda: _answers(address)) as pid:
        yield Server(address, pid)


def _answers(address: Address) -> bool:
    connection = Kept(address)
    try:
        connection.get("/log?limit=1")
    except RefusedError:
        return False
    finally:
        connection.close()
    return True


@contextlib.contextmanager
def _engine(folder: Path) -> Iterator[ClickHouse]:
    settings = LocalSettings()
    (port,) = ports.free_ports(1)
    library = EnginePackage(settings.cache_dir).library
    engine = Engine(library, port, folder / "clickhouse", folder / "config", settings.clickhouse_memory_mb)
    engine.write_config()
    users = passwords.load_or_create(folder / "passwords.json")
    address = Address(ports.HOST, port)
    own = passwords.environment(users)
    with _running(engine.argv(), own, folder / "clickhouse.log", lambda: _pings(address)) as pid:
        yield ClickHouse(Server(address, pid), users)


def _pings(address: Address) -> bool:
    connection = Kept(address)
    try:
        connection.get("/ping")
    finally:
        connection.close()
    return True


@contextlib.contextmanager
def _running(argv: list[str], own: Mapping[str, str], log: Path, is_ready: Callable[[], bool]) -> Iterator[int]:
    """The pid of a child that is ready; it is stopped in any case."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=_CHECKOUT,
            env={**stack.kept_environment(), **own},
            stdin=subprocess.PIPE,  # the engine ends with it
            stdout=output,
            stderr=output,
            preexec_fn=tie_to_parent(),
        )
    try:
        _wait(process, log, is_ready)
        yield process.pid
    finally:
        stack.stop(process, _STOP_S)
        if process.stdin is not None:
            process.stdin.close()


def _wait(process: "subprocess.Popen[bytes]", log: Path, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(OSError):
            if is_ready():
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackError(f"a server did not start:\n{log.read_text(errors='replace')[-_LOG_CHARS:]}")
        time.sleep(_POLL_S)


def _remove_others(folder: Path, rows: int) -> None:
    """Sets as large, of earlier schemas, unless another benchmark reads them now."""
    for other in folder.parent.glob(f"{rows}-*"):
        if other == folder or not (other / "lock").exists():
            continue
        with (other / "lock").open("w") as lock, contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(other)


def _build(engine: ClickHouse, rows: int, paper: Paper) -> None:
    """The tables by the project's own migrations, then the actions."""
    anywhere = engine.connection("admin", "default")
    anywhere.text(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")  # what an earlier run left unfinished
    anywhere.text(f"CREATE DATABASE {DATABASE}")
    anywhere.close()
    asyncio.run(_migrate(engine))
    admin = engine.connection("admin")
    began_s = time.monotonic()
    for first, count in query_data.settled_blocks(rows):
        _insert(admin, rows, first, count)
        paper.note(f"Made {first + count:,} of {rows:,} actions in {time.monotonic() - began_s:.0f} s")
    _settle(admin)
    for first, count in query_data.recent_blocks(rows):
        _insert(admin, rows, first, count)
    admin.close()


def _insert(admin: Kept, rows: int, first: int, count: int) -> None:
    values = query_data.parameters(rows, first, count)
    admin.ask(Sql(query_data.statement(), values, query_data.INSERT_SETTINGS))


def _settle(admin: Kept) -> None:
    """Until ClickHouse merges no more, then never again: the benchmark always reads the same parts."""
    deadline = time.monotonic() + _MERGED_S
    while admin.text("SELECT count() FROM system.merges") != "0" and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    admin.text("ALTER TABLE actions MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1")


async def _migrate(engine: ClickHouse) -> None:
    admin = engine.users["admin"]
    settings = SetupSettings.model_validate(
        {
            "clickhouse_url": engine.server.url,
            "clickhouse_database": DATABASE,
            "clickhouse_user": admin.name,
            "clickhouse_password": admin.password,
        }
    )
    client = await connect(settings, answer_timeout_s=_START_S)
    try:
        await migrate(client, load())
    finally:
        await client.close()

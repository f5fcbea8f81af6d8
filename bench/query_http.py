"""One kept connection for requests in turn, the same to the API and to ClickHouse, so that both pay the same for it."""

import http.client
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from bench.client import Address
from deploy.local.passwords import User

_TIMEOUT_S: Final = 600.0
_CHUNK: Final = 1 << 20
_TAIL_BYTES: Final = 1_000
_REASON_BYTES: Final = 300
_IDLE_S: Final = 2.0  # uvicorn closes a connection after 5 s of silence: never send on one that old


class RefusedError(Exception):
    """An answer that is no 200; the message has its status and how its body begins."""


@dataclass(frozen=True)
class Taken:
    """An answer that was read to its end and thrown away, but for the last bytes of it."""

    seconds: float
    length: int
    lines: int
    tail: bytes


@dataclass(frozen=True)
class Sql:
    """A statement, the values of its parameters, and settings, to be sent as they are."""

    text: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


class Kept:
    """Sends requests to one server, each when the one before is answered. Raises OSError and RefusedError."""

    def __init__(self, address: Address, user: User | None = None, database: str = "") -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=_TIMEOUT_S)
        self._headers = {"X-ClickHouse-User": user.name, "X-ClickHouse-Key": user.password} if user else {}
        self._database = database
        self._used_s = time.monotonic()

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds until the last byte, and the body."""
        return self._whole("GET", path, None)

    def ask(self, sql: Sql) -> tuple[float, bytes]:
        """The same for a statement to ClickHouse."""
        return self._whole("POST", self._path(sql), sql.text.encode())

    def text(self, text: str, parameters: Mapping[str, object] | None = None) -> str:
        """A statement's answer without its last newline."""
        return self.ask(Sql(text, parameters or {}))[1].decode().removesuffix("\n")

    def take(self, path: str, watch: Callable[[], None] = lambda: None) -> Taken:
        """An answer of any length, in flat memory; ``watch`` is called at every MiB of it."""
        return self._taken("GET", path, None, watch)

    def take_sql(self, sql: Sql) -> Taken:
        """The same for a statement to ClickHouse."""
        return self._taken("POST", self._path(sql), sql.text.encode(), lambda: None)

    def close(self) -> None:
        self._connection.close()

    def _path(self, sql: Sql) -> str:
        values = {f"param_{name}": value for name, value in sql.parameters.items()}
        return f"/?{urlencode({'database': self._database, **sql.settings, **values})}"

    def _whole(self, method: str, path: str, body: bytes | None) -> tuple[float, bytes]:
        self._renew()
        began_s = time.perf_counter()
        content = self._answer(method, path, body).read()
        taken_s = time.perf_counter() - began_s
        self._used_s = time.monotonic()
        return taken_s, content

    def _taken(self, method: str, path: str, body: bytes | None, watch: Callable[[], None]) -> Taken:
        self._renew()
        began_s = time.perf_counter()
        answer = self._answer(method, path, body)
        length, lines, tail = 0, 0, b""
        while chunk := answer.read(_CHUNK):
            length += len(chunk)
            lines += chunk.count(b"\n")
            tail = (tail + chunk)[-_TAIL_BYTES:]
            watch()
        self._used_s = time.monotonic()
        return Taken(time.perf_counter() - began_s, length, lines, tail)

    def _renew(self) -> None:
        """A new connection when the server may be closing this one; before the clock starts."""
        if time.monotonic() - self._used_s > _IDLE_S:
            self._connection.close()
            self._connection.connect()

    def _answer(self, method: str, path: str, body: bytes | None) -> http.client.HTTPResponse:
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        if answer.status != http.client.OK:
            reason = answer.read()[:_REASON_BYTES].decode(errors="replace")
            raise RefusedError(f"{method} {path[:_REASON_BYTES]}: {answer.status} {reason}")
        return answer

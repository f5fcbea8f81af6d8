"""The client: asks one ClickHouse server over aiohttp's connections, with no more work for a query than it takes.

- A status other than 2xx raises ClickHouseError with ClickHouse's code, and so does a server that can't be reached,
  without one. Whether to try again is the caller's decision, but for one case: ClickHouse may close a kept connection
  just when a request is written to it. A statement that may run twice is then asked once more.
- Whoever is cancelled, or leaves an answer before its end, cuts the connection; ClickHouse then ends the query.
- Nothing here bounds the time of an answer; that of making a connection is bounded.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from query_api.clickhouse import request
from query_api.clickhouse.request import Table
from query_api.query import Value

MOST_CONNECTIONS: Final = 20
_MOST_IDLE_S: Final = 30.0  # firewalls forget quiet connections without a word, the sooner ones after some minutes
_READ_BYTES: Final = 262_144  # of an answer that nobody takes; at twice as many aiohttp leaves the server to wait
_CODE: Final = "X-ClickHouse-Exception-Code"
_MOST_TOLD: Final = 2_000  # characters of an error


class ClickHouseError(Exception):
    """The text is ClickHouse's. ``code`` is its number, None where it could not be reached or answered without one."""

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text[:_MOST_TOLD])
        self.code = code


class ConnectionCut(ConnectionError):  # noqa: N818 - named for what happened
    """The connection ended before the answer did."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where ClickHouse is, who asks, and in which database.

    ca_file  CA certificates (PEM) for https; None: the system's
    """

    url: str
    user: str
    password: str
    database: str
    ca_file: Path | None
    connect_timeout_s: float


class Client:
    """Opens a connection when all it has are in use, up to a bound; beyond it, requests wait."""

    def __init__(self, address: Address, *, most_connections: int = MOST_CONNECTIONS) -> None:
        """Raises OSError when the CA's file can't be read."""
        parts = urlsplit(address.url)
        is_tls = parts.scheme == "https"
        port = parts.port or (8443 if is_tls else 8123)
        self._url = f"{URL.build(scheme=parts.scheme, host=parts.hostname or '', port=port)}/?"
        self._database = address.database
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=most_connections,
                keepalive_timeout=_MOST_IDLE_S,
                ssl=ssl.create_default_context(cafile=address.ca_file) if is_tls else True,
            ),
            headers={"Authorization": aiohttp.encode_basic_auth(address.user, address.password, "utf-8")},
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BYTES,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=address.connect_timeout_s),
        )

    async def ask(
        self,
        statement: str,
        parameters: Mapping[str, Value],
        settings: Mapping[str, Value],
        table: Table | None = None,
        *,
        may_repeat: bool = True,
    ) -> bytes:
        """The answer, whole; raises ClickHouseError."""
        asked = request.encode(statement, parameters, {"database": self._database, **settings}, table)
        async with self._answered(asked, may_repeat=may_repeat) as response:
            return await response.read()

    @contextlib.asynccontextmanager
    async def stream(
        self, statement: str, parameters: Mapping[str, Value], settings: Mapping[str, Value]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer as it comes; raises ClickHouseError, and ConnectionCut from the iterator."""
        asked = request.encode(statement, parameters, {"database": self._database, **settings})
        async with self._answered(asked, may_repeat=True) as response:
            yield _pieces(response)

    async def close(self) -> None:
        await self._session.close()

    @contextlib.asynccontextmanager
    async def _answered(self, asked: request.Request, *, may_repeat: bool) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good answer's head; aiohttp's errors become ClickHouseError. Left before its end, its connection is cut."""
        try:
            response = await self._begun(asked, may_repeat=may_repeat)
            try:
                if response.status // 100 != 2 or _CODE in response.headers:
                    raise await _refusal(response)
                yield response
            finally:
                if response.content.at_eof():
                    response.release()
                else:
                    response.close()
        except aiohttp.ClientError as error:
            raise ClickHouseError(str(error)) from error

    async def _begun(self, asked: request.Request, *, may_repeat: bool) -> aiohttp.ClientResponse:
        try:
            return await self._post(asked)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not may_repeat:
                raise
            return await self._post(asked)

    async def _post(self, asked: request.Request) -> aiohttp.ClientResponse:
        url = URL(self._url + asked.query, encoded=True)
        return await self._session.post(url, data=asked.body, headers=asked.headers, allow_redirects=False)


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """As they were received: joined ones would be copies."""
    try:
        async for piece, _ in response.content.iter_chunks():
            if piece:
                yield piece
    except aiohttp.ClientError as error:
        raise ConnectionCut(str(error)) from error


async def _refusal(response: aiohttp.ClientResponse) -> ClickHouseError:
    code = response.headers.get(_CODE, "")
    try:
        text = (await response.read()).decode(errors="backslashreplace")
    except aiohttp.ClientError:
        text = f"status {response.status}"
    return ClickHouseError(text, int(code) if code.isdigit() else None)

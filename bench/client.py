"""A light HTTP client: prebuilt requests over kept connections, a tenth of a general client's CPU per request.

The generator shares the cores with what it measures, so every microsecond here is taken from the services.
"""

import asyncio
import time
from typing import Final, NamedTuple, cast

from bench.http_answer import Answer, AnswerReader, UnreadableAnswerError

_TIMEOUT_S: Final = 30.0
_IDLE_S: Final = 2.0  # uvicorn closes a connection after 5 s of silence: never send on one that old


class Address(NamedTuple):
    """Where a service listens."""

    host: str
    port: int


class Timed(NamedTuple):
    """An answer and the moment (``time.monotonic()``) at which its last byte arrived."""

    answer: Answer
    arrived_s: float


class Connection(asyncio.Protocol):
    """One kept connection with at most one request under way."""

    def __init__(self) -> None:
        self._reader = AnswerReader()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Timed] | None = None
        self.used_s = time.monotonic()

    @property
    def is_usable(self) -> bool:
        """Open, and not so long idle that the server may be closing it."""
        is_open = self._transport is not None and not self._transport.is_closing()
        return is_open and time.monotonic() - self.used_s < _IDLE_S

    async def request(self, message: bytes) -> Timed:
        """Send whole bytes of a request. Raises OSError (the connection broke, no answer in time)."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._waiting
        finally:
            self._waiting = None
            self.used_s = time.monotonic()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            answer = self._reader.feed(data)
        except UnreadableAnswerError as error:
            self._fail(ConnectionError(f"unreadable answer: {error}"))
            self.close()
            return
        if answer is not None and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Timed(answer, time.monotonic()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(exc or ConnectionError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


class Pool:
    """Connections to one service, at most ``most`` in use at a time; the latest used is taken first."""

    def __init__(self, address: Address, most: int) -> None:
        self._address = address
        self._turns = asyncio.Semaphore(most)
        self._idle: list[Connection] = []

    async def request(self, message: bytes) -> Timed:
        """Send on a free connection, waiting for one. Raises OSError."""
        async with self._turns:
            connection = await self._take()
            try:
                timed = await connection.request(message)
            except BaseException:
                connection.close()  # an answer may still come: it must not be taken for the next one
                raise
            self._idle.append(connection)
            return timed

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    @property
    def idle_usable(self) -> int:
        """Kept connections that the next requests can use."""
        return sum(connection.is_usable for connection in self._idle)

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return await connect(self._address)


async def connect(address: Address) -> Connection:
    """A new connection. Raises OSError."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, address.host, address.port)
    return connection

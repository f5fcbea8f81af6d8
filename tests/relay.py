"""A relay in front of a server, so that a test can take the server away without taking it from the other tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

CHUNK_BYTES = 1 << 16


class Link:
    """One connection through the relay: how its bytes go on. When either direction returns, both are closed."""

    async def requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From the client to the server."""
        await _pump(reader, writer)

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """From the server to the client."""
        await _pump(reader, writer)


class Relay:
    """Forwards TCP connections to the real server, refuses them (``cut``), or leaves them unanswered (``silent``)."""

    def __init__(self, target_url: str, port: int, link: Callable[[], Link] = Link) -> None:
        target = urlsplit(target_url)
        self._target = (target.hostname, target.port)
        self._port = port
        self._link = link
        self.url = f"{target.scheme}://127.0.0.1:{port}"
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.silent = False

    async def connect(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.hang_up()

    async def hang_up(self) -> None:
        """Close every connection; new ones are taken."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._forward(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            await reader.read(-1)
            return
        to_reader, to_writer = await asyncio.open_connection(*self._target)
        link = self._link()
        try:
            ways = [
                asyncio.create_task(link.requests(reader, to_writer)),
                asyncio.create_task(link.answers(to_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            to_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()


@contextlib.asynccontextmanager
async def relay(target_url: str, port: int, *, connected: bool = True) -> AsyncIterator[Relay]:
    made = Relay(target_url, port)
    if connected:
        await made.connect()
    try:
        yield made
    finally:
        await made.cut()

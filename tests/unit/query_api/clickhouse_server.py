"""A server that answers as a script says, so that a test can send what no ClickHouse would, and cut where it wants."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from query_api.clickhouse.client import Address, Client

CUT = b""  # in the place of an answer: the connection is closed


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer with its length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """An answer in chunks, with or without its end."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


Write = Callable[[bytes], Awaitable[None]]
Script = Callable[[int, int, Write], Awaitable[bool]]


@dataclass
class Server:
    """``script(connection, request, write)``, both counted from 0, answers a request; False closes the connection."""

    script: Script
    url: str = ""
    connections: int = 0
    requests: int = 0
    left: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection, self.connections = self.connections, self.connections + 1

        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = 0
            while await self._answered(reader, connection, request, write):
                request += 1
        self.left += 1
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, connection: int, request: int, write: Write) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [int(line.split()[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")]
        await reader.readexactly(length)
        self.requests += 1
        return await self.script(connection, request, write)


def answering(*answers: bytes) -> Script:
    """One answer after another, each over any connection; after CUT, and after the last, connections are closed."""
    left = list(answers)

    async def script(_: int, __: int, write: Write) -> bool:
        answer = left.pop(0) if left else CUT
        await write(answer)
        return answer != CUT

    return script


@contextlib.asynccontextmanager
async def served(
    script: Script, tls: ssl.SSLContext | None = None, address: Callable[[str], Address] | None = None
) -> AsyncIterator[tuple[Client, Server]]:
    """The server, and a client of it."""
    server = Server(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    url = f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    server.url = url
    client = Client(address(url) if address else address_of(url))
    async with listening:
        yield client, server
        await client.close()


def address_of(url: str) -> Address:
    return Address(url, "reader", "secret", "d", None, 5.0)

"""The client keeps its connections, bounds their number, and reports a broken one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.client import Address, Pool

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_REQUEST = b"GET / HTTP/1.1\r\n\r\n"


class _Server:
    """Answers each request after ``hold`` is set; ``closing`` makes it hang up after the answer."""

    def __init__(self) -> None:
        self.hold = asyncio.Event()
        self.hold.set()
        self.answer = _ANSWER
        self.closing = False
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self.hold.wait()
                writer.write(self.answer)
                await writer.drain()
                if self.closing:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _serving(server: _Server, most: int) -> AsyncIterator[Pool]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    pool = Pool(Address(host, port), most)
    try:
        yield pool
    finally:
        pool.close()
        listener.close()
        await listener.wait_closed()


async def test_requests_one_after_another_share_a_connection() -> None:
    server = _Server()
    async with _serving(server, most=4) as pool:
        answers = [(await pool.request(_REQUEST)).answer.body for _ in range(5)]
    assert answers == [b"ok"] * 5
    assert server.connections == 1


async def test_no_more_connections_are_opened_than_allowed() -> None:
    server = _Server()
    server.hold.clear()
    async with _serving(server, most=2) as pool:
        asking = [asyncio.create_task(pool.request(_REQUEST)) for _ in range(6)]
        async with asyncio.timeout(5):
            while server.connections < 2:  # noqa: ASYNC110 - the server's own count
                await asyncio.sleep(0)
        server.hold.set()
        await asyncio.gather(*asking)
    assert server.connections == 2


async def test_a_connection_that_the_server_closed_is_replaced() -> None:
    server = _Server()
    server.closing = True
    async with _serving(server, most=1) as pool:
        await pool.request(_REQUEST)
        async with asyncio.timeout(5):
            while pool.idle_usable:  # noqa: ASYNC110 - until the farewell has arrived
                await asyncio.sleep(0)
        await pool.request(_REQUEST)
    assert server.connections == 2


async def test_a_connection_broken_before_the_answer_is_an_error() -> None:
    server = _Server()
    server.answer, server.closing = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", True
    async with _serving(server, most=1) as pool:
        with pytest.raises(ConnectionError):
            await pool.request(_REQUEST)

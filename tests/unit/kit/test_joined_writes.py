"""An answer leaves with one write, whole and in order."""

import asyncio
import re
from typing import NamedTuple

import uvicorn
from starlette.types import Receive, Scope, Send

from kit.joined_writes import HttpProtocol, JoinedWrites
from tests.unit.kit.recorded import Recorded
from tests.waiting import wait_until_async


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"2"), (b"x-path", scope["raw_path"])],
        }
    )
    await send({"type": "http.response.body", "body": b"ok"})


class Answered(NamedTuple):
    writes: list[bytes]
    closed: bool


async def answered(request: bytes, answers: int) -> Answered:
    """What a connection that has received these bytes has sent, after so many answers."""
    config = uvicorn.Config(app, http=HttpProtocol, log_config=None, lifespan="off", server_header=False)
    config.load()
    transport = Recorded()
    protocol = HttpProtocol(config, uvicorn.server.ServerState(), {})
    protocol.connection_made(transport)
    protocol.data_received(request)

    async def all_sent() -> bool:
        return b"".join(transport.writes).count(b"\r\n\r\nok") == answers

    await wait_until_async(all_sent, 5, f"{answers} answers are sent")
    seen = Answered(transport.writes, transport.closed)
    protocol.connection_lost(None)
    return seen


async def test_head_and_body_of_an_answer_leave_with_one_write() -> None:
    sent = await answered(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1)
    assert len(sent.writes) == 1
    assert not sent.closed


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    paths = (b"/first", b"/second", b"/third")
    sent = await answered(b"".join(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths), 3)
    named = re.findall(rb"x-path: (\S+)", b"".join(sent.writes))
    assert named == list(paths)


async def test_the_last_answer_is_sent_before_the_connection_closes() -> None:
    sent = await answered(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 1)
    assert sent.closed
    assert sent.writes[-1].endswith(b"\r\n\r\nok")


async def test_what_is_written_to_a_connection_that_breaks_is_let_go() -> None:
    transport, told = Recorded(), list[object]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    joined = JoinedWrites(transport, loop)
    joined.write(b"late")
    transport.close()  # as a reset does, past those who write
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn
    assert (transport.writes, told) == ([], [])

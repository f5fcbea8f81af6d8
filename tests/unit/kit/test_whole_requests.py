"""Requests that arrive whole are offered to the application first, and nothing else changes for clients."""

import re
from collections.abc import Sequence

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from kit.whole_requests import WholeRequest, WholeRequestProtocol
from tests.unit.kit.recorded import Recorded
from tests.waiting import wait_until_async

POST = b"POST /log?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


class App:
    """Takes whole requests for /log, and answers them when told to; answers everything else by ASGI."""

    def __init__(self) -> None:
        self.taken: list[WholeRequest] = []
        self.by_asgi: list[tuple[str, bytes]] = []
        self.heads: list[list[tuple[bytes, bytes]]] = []  # of those
        self.at_once = 0  # requests to be answered at once

    def answer_whole(self, request: WholeRequest) -> bool:
        if request.target.startswith(b"/log"):
            self.taken.append(request)
            if len(self.taken) <= self.at_once:
                self.answer(len(self.taken) - 1)
            return True
        return False

    def answer(self, number: int = 0) -> None:
        self.taken[number].answer(200, [(b"content-length", b"5")], b"whole")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.by_asgi.append((scope["path"], body))
        self.heads.append(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"asgi"})


class Client:
    """One connection to the application."""

    def __init__(self, keep_alive_s: float = 5) -> None:
        self.app = App()
        self.state = uvicorn.server.ServerState()
        self.transport = Recorded()
        config = uvicorn.Config(self.app, log_config=None, lifespan="off", interface="asgi3")
        config.load()
        self.protocol = WholeRequestProtocol(self.app, config, self.state, {})
        self.protocol.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]  # uvicorn has whole seconds
        self.protocol.connection_made(self.transport)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)

    @property
    def answers(self) -> Sequence[bytes]:
        return re.findall(rb"\r\n\r\n(whole|asgi)", b"".join(self.transport.writes))

    async def receives(self, *expected: bytes) -> None:
        """Wait until these answers have come, and no more."""

        async def all_sent() -> bool:
            return len(self.answers) >= len(expected)

        await wait_until_async(all_sent, 5, f"{len(expected)} answers are sent")
        assert self.answers == list(expected)

    async def is_closed(self) -> None:
        """Wait until the server has closed the connection."""

        async def closed() -> bool:
            return self.transport.closed

        await wait_until_async(closed, 5, "the connection is closed")


async def test_a_request_in_one_piece_is_answered_without_asgi() -> None:
    client = Client()
    client.send(POST)
    (request,) = client.app.taken
    assert (request.method, request.target, request.body) == (b"POST", b"/log?x=1", b"body")
    assert request.headers == [(b"host", b"x"), (b"content-length", b"4")]
    request.added.append((b"x-request-id", b"r1"))
    client.app.answer()
    await client.receives(b"whole")
    assert b"".join(client.transport.writes) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-request-id: r1\r\n\r\nwhole"
    )
    assert client.app.by_asgi == []
    assert client.state.total_requests == 1


async def test_a_request_that_the_application_declines_is_answered_by_asgi() -> None:
    client = Client()
    client.send(POST.replace(b"/log", b"/metrics"))
    await client.receives(b"asgi")
    assert client.app.by_asgi == [("/metrics", b"body")]


@pytest.mark.parametrize("cut", [10, 30, len(POST) - 4, len(POST) - 1])
async def test_wherever_a_request_is_cut_it_is_answered(cut: int) -> None:
    client = Client()
    client.send(POST[:cut], POST[cut:])
    for _ in client.app.taken:
        client.app.answer()
    body_was_cut = cut >= len(POST) - 4
    await client.receives(b"asgi" if body_was_cut else b"whole")
    assert client.app.by_asgi == ([("/log", b"body")] if body_was_cut else [])


async def test_requests_in_turn_on_one_connection_are_answered_either_way() -> None:
    client = Client()
    for number, expected in enumerate([b"whole", b"asgi", b"whole"]):
        client.send(POST if expected == b"whole" else POST.replace(b"/log", b"/x"))
        if expected == b"whole":
            client.app.answer(number // 2)
        await client.receives(*[b"whole", b"asgi", b"whole"][: number + 1])


async def test_pipelined_requests_wait_for_the_answer_to_the_one_before() -> None:
    client = Client()
    client.send(POST + POST.replace(b"/log", b"/second") + POST)
    assert len(client.app.taken) == 1
    assert client.app.by_asgi == []
    client.app.answer()
    await client.receives(b"whole", b"asgi", b"asgi")
    assert [path for path, _ in client.app.by_asgi] == ["/second", "/log"]


@pytest.mark.parametrize("pieces", [[POST + POST], [POST, POST], [POST, POST[:20]]])
async def test_a_connection_is_not_idle_while_a_request_waits_or_arrives(pieces: list[bytes]) -> None:
    client = Client(keep_alive_s=0.05)
    client.app.at_once = 1
    client.send(*pieces)

    async def looked() -> bool:
        return client.protocol.timeout_keep_alive_task is None

    await wait_until_async(looked, 5, "the timer of the first answer is over")
    assert not client.transport.closed
    if len(client.app.taken) == 1:
        client.send(POST[20:])
    client.app.answer(1)
    await client.receives(b"whole", b"whole")
    await client.is_closed()


async def test_an_idle_connection_is_closed_after_its_time_and_keeps_one_timer_until_then() -> None:
    client = Client(keep_alive_s=0.05)
    client.app.at_once = 2
    client.send(POST)
    timer = client.protocol.timeout_keep_alive_task
    client.send(POST)
    assert client.protocol.timeout_keep_alive_task is timer is not None
    await client.is_closed()
    assert client.answers == [b"whole", b"whole"]


async def test_a_lost_connection_leaves_no_timer() -> None:
    client = Client()
    client.app.at_once = 1
    client.send(POST)
    timer = client.protocol.timeout_keep_alive_task
    client.protocol.connection_lost(None)
    assert timer is not None
    assert timer.cancelled()


@pytest.mark.parametrize("header", [b"Connection: close", b"Expect: 100-continue"])
async def test_a_request_that_asks_for_more_than_an_answer_is_left_to_asgi(header: bytes) -> None:
    client = Client()
    client.send(POST.replace(b"Host: x", b"Host: x\r\n" + header))
    await client.receives(b"asgi")
    assert client.transport.closed == (header == b"Connection: close")
    assert [path for path, _ in client.app.by_asgi] == ["/log"]


async def test_a_request_of_http_1_0_is_left_to_asgi() -> None:
    client = Client()
    client.send(POST.replace(b"HTTP/1.1", b"HTTP/1.0"))
    await client.receives(b"asgi")
    assert client.transport.closed


async def test_a_client_that_does_not_take_its_answers_is_left_to_asgi_which_waits_for_it() -> None:
    client = Client()
    client.protocol.pause_writing()
    client.send(POST)
    assert client.app.taken == []
    client.protocol.resume_writing()
    await client.receives(b"asgi")


async def test_a_chunked_body_that_arrives_whole_is_one() -> None:
    client = Client()
    client.send(b"POST /log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n")
    assert client.app.taken[0].body == b"body"


@pytest.mark.parametrize("path", [b"/log", b"/metrics"])
@pytest.mark.parametrize("cut", [-1, -4, -20])
async def test_trailers_are_no_headers(path: bytes, cut: int) -> None:
    client = Client()
    client.app.at_once = 1
    head = b"POST %b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % path
    sent = head + b"4\r\nbody\r\n0\r\nX-Forwarded-For: ::1\r\nX: y\r\n\r\n"
    client.send(sent)
    await client.receives(b"whole" if path == b"/log" else b"asgi")
    client.send(sent[:cut], sent[cut:])
    await client.receives(b"whole" if path == b"/log" else b"asgi", b"asgi")
    heads = [request.headers for request in client.app.taken] + client.app.heads
    assert heads == [[(b"transfer-encoding", b"chunked")]] * 2


H2C = POST.replace(b"Host: x", b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA")


@pytest.mark.parametrize("path", [b"/log", b"/metrics"])
@pytest.mark.parametrize("cut", [0, 40, len(H2C) - 4, len(H2C) - 2])
async def test_a_request_for_a_protocol_that_is_not_spoken_is_answered_in_this_one(path: bytes, cut: int) -> None:
    client = Client()
    client.app.at_once = 2
    sent = H2C.replace(b"/log", path)
    client.send(*[piece for piece in (sent[:cut], sent[cut:]) if piece])
    is_whole = path == b"/log" and cut < len(H2C) - 4
    await client.receives(b"whole" if is_whole else b"asgi")
    assert [request.body for request in client.app.taken] + [body for _, body in client.app.by_asgi] == [b"body"]
    client.send(POST)
    await client.receives(b"whole" if is_whole else b"asgi", b"whole")


@pytest.mark.parametrize(("old", "new"), [(b"HTTP/1.1", b"HTTP/1.0"), (b"Upgrade, ", b"Upgrade, close, ")])
async def test_the_last_request_of_a_connection_may_be_for_another_protocol(old: bytes, new: bytes) -> None:
    client = Client()
    client.send(H2C.replace(old, new))
    await client.receives(b"asgi")
    assert client.app.by_asgi == [("/log", b"body")]
    assert client.transport.closed


async def test_pipelined_behind_one_for_another_protocol() -> None:
    client = Client()
    client.send(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + H2C + POST)
    await client.receives(b"asgi", b"asgi", b"asgi")
    assert [body for _, body in client.app.by_asgi] == [b"", b"body", b"body"]


async def test_many_in_one_piece_for_another_protocol() -> None:
    client = Client()
    client.send(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" * 1_000)
    await client.receives(*[b"asgi"] * 1_000)


async def test_a_client_that_has_left_is_not_answered() -> None:
    client = Client()
    client.send(POST)
    client.protocol.connection_lost(None)
    client.app.answer()
    assert client.transport.writes == []


async def test_a_connection_that_is_to_end_does_so_after_the_answer() -> None:
    client = Client()
    client.send(POST)
    client.protocol.shutdown()
    assert not client.transport.closed
    client.app.answer()
    assert b"connection: close\r\n" in client.transport.writes[-1]
    assert client.transport.closed


async def test_a_server_that_says_it_is_leaving_closes_after_the_answer() -> None:
    client = Client()
    client.state.default_headers = [(b"date", b"today"), (b"connection", b"close")]
    client.send(POST)
    client.app.answer()
    assert client.transport.writes[-1].count(b"connection: close\r\n") == 1
    assert b"date: today\r\n" in client.transport.writes[-1]
    assert client.transport.closed


async def test_what_is_no_http_is_refused_and_reaches_nobody() -> None:
    client = Client()
    client.send(b"POST /log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\nnonsense\r\n")
    assert client.transport.writes[-1].startswith(b"HTTP/1.1 400 ")
    assert client.transport.closed
    assert (client.app.taken, client.app.by_asgi) == ([], [])

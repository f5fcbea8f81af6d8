"""The gate in front of an application that only says that it was reached."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from starlette.types import Receive, Scope, Send

from kit.keys import Key, new_key
from kit.whole_requests import Header, WholeRequest
from producer_api.access_settings import AccessSettings
from producer_api.gate import Gate, Head
from producer_api.refusal_log import RefusalLog

SHOP = "https://shop.example"
BLOG = "https://blog.example"


class Reached:
    """Answers 200 to whatever reaches it, and counts."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.times += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"r1")]})
        await send({"type": "http.response.body", "body": b"reached"})

    def answer_whole(self, request: WholeRequest, query: bytes, by_name: Head) -> None:
        self.times += 1
        request.answer(200, [(b"x-request-id", b"r1")], b"reached")


class Whole(httpx.AsyncBaseTransport):
    """Requests as the server gives them to a gate when they arrive whole; by ASGI, when the gate declines them."""

    def __init__(self, gate: Gate, peer: tuple[str, int]) -> None:
        self._gate = gate
        self._asgi = httpx.ASGITransport(gate, client=peer)
        self.client: tuple[str, int] | None = peer
        self.url, self.headers = b"", list[Header]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.url, self.headers = request.url.raw_path, [(name.lower(), value) for name, value in request.headers.raw]
        self.answer: httpx.Response | None = None
        whole = WholeRequest(self, request.method.encode(), await request.aread())
        if request.method == "POST" and self._gate.answer_whole(whole, request.url.query):
            assert self.answer is not None
            return self.answer
        return await self._asgi.handle_async_request(request)

    def send_answer(self, status_line: bytes, headers: Sequence[Header], body: bytes, *, keep_alive: bool) -> None:
        assert keep_alive
        self.answer = httpx.Response(int(status_line.split()[1]), headers=list(headers), content=body)
        if b"content-length" not in dict(headers):
            del self.answer.headers["content-length"]  # httpx adds one


class Gated:
    """A gate with these settings, and requests to it: whole ones, or by ASGI."""

    arrive_whole = False

    def __init__(self, clock: Callable[[], float] = lambda: 0.0, **settings: Any) -> None:
        self.reached = Reached()
        access, refusals = AccessSettings(**settings), RefusalLog(lines_per_s=0)
        self.gate = Gate(self.reached, access, refusals, self.reached.answer_whole, clock=clock)

    async def __call__(
        self, method: str = "POST", query: str = "", *, peer: str = "203.0.113.1", **headers: str
    ) -> httpx.Response:
        """Headers by their names in snake case."""
        client = (peer, 4711)
        transport = Whole(self.gate, client) if self.arrive_whole else httpx.ASGITransport(self.gate, client=client)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=transport, base_url="http://log.example") as http:
            return await http.request(method, f"/log{query}", headers=sent)


def key_file(folder: Path, *entries: Key | dict[str, Any]) -> Path:
    """Written anew under its name, as deployments replace it."""
    fresh = folder / "keys.new"
    fresh.write_bytes(msgspec.json.encode(entries))
    return fresh.replace(folder / "keys.json")


def make_key(name: str, origins: Sequence[str] = (), **limits: float) -> tuple[str, dict[str, Any]]:
    """The secret, and its entry in the file."""
    secret, key = new_key(name, prefix="alw_", origins=origins)
    return secret, {**json.loads(msgspec.json.encode(key)), **limits}

"""The gate in front of an application that only says that it was reached."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
from starlette.types import Receive, Scope, Send

from kit.keys import Key, new_key
from producer_api.access_settings import AccessSettings
from producer_api.gate import Gate
from producer_api.refusal_log import RefusalLog

SHOP = "https://shop.example"
BLOG = "https://blog.example"


class Reached:
    """Answers 200, and remembers the state of the requests it was given."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        self.states.append(dict(scope.get("state", {})))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-request-id", b"r1")]})
        await send({"type": "http.response.body", "body": b"reached"})


class Gated:
    """A gate with these settings, and requests to it."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0, **settings: Any) -> None:
        self.reached = Reached()
        self.gate = Gate(self.reached, AccessSettings(**settings), RefusalLog(lines_per_s=0), clock=clock)

    async def __call__(
        self, method: str = "POST", query: str = "", *, peer: str = "203.0.113.1", **headers: str
    ) -> httpx.Response:
        """Headers by their names in snake case."""
        transport = httpx.ASGITransport(self.gate, client=(peer, 4711))
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with httpx.AsyncClient(transport=transport, base_url="http://log.example") as client:
            return await client.request(method, f"/log{query}", headers=sent)


def key_file(folder: Path, *entries: Key | dict[str, Any]) -> Path:
    """Written anew under its name, as deployments replace it."""
    fresh = folder / "keys.new"
    fresh.write_bytes(msgspec.json.encode(entries))
    return fresh.replace(folder / "keys.json")


def make_key(name: str, origins: Sequence[str] = (), **limits: float) -> tuple[str, dict[str, Any]]:
    """The secret, and its entry in the file."""
    secret, key = new_key(name, prefix="alw_", origins=origins)
    return secret, {**json.loads(msgspec.json.encode(key)), **limits}

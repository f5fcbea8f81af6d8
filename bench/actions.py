"""The requests that the benchmarks send: actions as a browser would log them, about 190 bytes each."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bench.client import Address

_USERS: Final = 1_000
_DISTINCT: Final = 50  # lists of actions among the users' requests
_PAGES: Final = ("home", "communities", "inventory", "checkout", "profile", "search")
_ELEMENTS: Final = ("button#save", "a.nav-link", "div.card > img", "input[name=q]", "button.add-to-cart")


def actions(count: int, began: datetime, rng: random.Random) -> bytes:
    """A JSON array of ``count`` actions, some milliseconds apart, of the three types that the README shows."""
    return msgspec.json.encode([_action(began + timedelta(milliseconds=7 * n), rng) for n in range(count)])


def envelope(user_id: str, encoded_actions: bytes) -> bytes:
    """The body of POST /log."""
    names = msgspec.json.encode({"userId": user_id, "sessionId": f"session-of-{user_id}"})
    return names[:-1] + b',"actions":' + encoded_actions + b"}"


def post(address: Address, body: bytes) -> bytes:
    """A whole POST /log."""
    head = f"POST /log HTTP/1.1\r\nHost: {address.host}:{address.port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def posts(address: Address, actions_per_request: int) -> list[bytes]:
    """Whole requests for a closed loop, each of another user; the same at every call but for the times."""
    rng, now = random.Random(1), datetime.now(UTC)
    lists = [actions(actions_per_request, now, rng) for _ in range(_DISTINCT)]
    return [post(address, envelope(f"load-{n:04}", lists[n % _DISTINCT])) for n in range(_USERS)]


def get(address: Address, user_id: str) -> bytes:
    """A whole GET /log of one user's newest actions."""
    return f"GET /log?userId={quote(user_id)} HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n\r\n".encode()


def _action(time: datetime, rng: random.Random) -> dict[str, Any]:
    kind, properties = rng.choice((_click, _view, _navigate))(rng)
    return {"time": time, "type": kind, "properties": properties}


def _click(rng: random.Random) -> tuple[str, dict[str, Any]]:
    place = {"locationX": rng.randrange(1920), "locationY": rng.randrange(1080)}
    return "CLICK", {**place, "element": rng.choice(_ELEMENTS), "page": rng.choice(_PAGES)}


def _view(rng: random.Random) -> tuple[str, dict[str, Any]]:
    return "VIEW", {"viewedId": f"{rng.getrandbits(48):012X}", "list": "recommended", "position": rng.randrange(40)}


def _navigate(rng: random.Random) -> tuple[str, dict[str, Any]]:
    return "NAVIGATE", {
        "pageFrom": rng.choice(_PAGES),
        "pageTo": rng.choice(_PAGES),
        "referrer": "https://example.com/",
    }

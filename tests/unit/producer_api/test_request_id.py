"""X-Request-Id: the client's if it is sane, else a new one."""

import uuid
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from producer_api.request_id import MAX_CHARS, RequestIds, request_id_of


async def _receive() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


async def answered(*headers: tuple[bytes, bytes]) -> tuple[str | None, str]:
    """The id that the application sees, and the one that the client gets."""
    seen: list[str | None] = []
    sent: list[MutableMapping[str, Any]] = []

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        seen.append(request_id_of(scope))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"1")]})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await RequestIds(app)({"type": "http", "headers": list(headers)}, _receive, send)
    (a, request_id) = sent[0]["headers"]
    assert a == (b"a", b"1")
    return seen[0], request_id[1].decode()


@pytest.mark.parametrize("given", ["1", "a-b_c.D", "x" * MAX_CHARS])
async def test_a_sane_id_is_kept(given: str) -> None:
    assert await answered((b"host", b"x"), (b"x-request-id", given.encode())) == (given, given)


@pytest.mark.parametrize("given", [b"", b"a b", b"<script>", b"\xff", b"a\r\nb", b"x" * (MAX_CHARS + 1)])
async def test_another_one_is_replaced(given: bytes) -> None:
    seen, returned = await answered((b"x-request-id", given))
    assert seen == returned
    assert uuid.UUID(returned).version == 7


async def test_each_request_without_one_gets_its_own() -> None:
    assert await answered() != await answered()

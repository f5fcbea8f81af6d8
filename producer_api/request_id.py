"""X-Request-Id: the client's if it is sane, else a new one; in every answer, and in the log."""

import re
from collections.abc import Awaitable, Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from kit.whole_requests import WholeRequest

MAX_CHARS: Final = 128
PATTERN: Final = rf"[A-Za-z0-9._-]{{1,{MAX_CHARS}}}"
_SANE: Final = re.compile(PATTERN.encode())
_HEADER: Final = b"x-request-id"


class RequestIds:
    """Gives every request an id: ``scope["state"]["request_id"]``, and a header of its answer, whoever answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        request_id = _id_for(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_HEADER, request_id)]
            return send(message)

        return self._app(scope, receive, send_with_id)


def give_id(request: WholeRequest) -> None:
    """As RequestIds does."""
    request_id = _id_for(request.headers)
    request.request_id = request_id.decode()
    request.added.append((_HEADER, request_id))


def request_id_of(scope: Scope) -> str | None:
    """The id of a request, if it has come through RequestIds."""
    request_id: str | None = scope.get("state", {}).get("request_id")
    return request_id


def _id_for(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name == _HEADER and _SANE.fullmatch(value):
            return bytes(value)
    return str(uuid7()).encode()

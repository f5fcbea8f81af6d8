"""The body of a request: its declared kind, and its bytes up to a bound."""

from collections.abc import Iterable

from starlette.types import Receive

from kit.problem import Problem

# text/plain is what navigator.sendBeacon can send without asking for permission first.
_JSON_TYPES = (b"", b"application/json", b"text/plain")
_JSON_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


def require_json(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise a Problem (415) unless the body is declared as uncompressed JSON in UTF-8, or not declared at all."""
    for name, value in headers:
        if name == b"content-type":
            _require_json_type(value)
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise Problem(415, "unsupported-encoding", "Content-Encoding is not supported: send the JSON uncompressed.")


def _require_json_type(value: bytes) -> None:
    if value == b"application/json":
        return
    kind, *parameters = (part.strip() for part in value.lower().split(b";"))
    if kind not in _JSON_TYPES:
        raise Problem(415, "unsupported-media-type", "Content-Type must be application/json or text/plain.")
    for parameter in parameters:
        key, _, charset = parameter.partition(b"=")
        if key.strip() == b"charset" and charset.strip(b'" ') not in _JSON_CHARSETS:
            raise Problem(415, "unsupported-media-type", "The charset must be utf-8, as JSON demands.")


async def read_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive, *, max_bytes: int) -> bytes:
    """The whole body; raises a Problem (413) as soon as it is known to be too large, and ClientGoneError."""
    for name, value in headers:
        if name == b"content-length" and int(value) > max_bytes:
            raise _too_large(max_bytes)
    body, more = await _next_chunk(receive)
    if more:
        chunks, size_bytes = [body], len(body)
        while more and size_bytes <= max_bytes:
            chunk, more = await _next_chunk(receive)
            chunks.append(chunk)
            size_bytes += len(chunk)
        body = b"".join(chunks)
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


async def _next_chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)


def _too_large(max_bytes: int) -> Problem:
    return Problem(413, "body-too-large", f"The body must have at most {max_bytes} bytes: send fewer actions at once.")

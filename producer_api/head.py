"""The head of a request: what it says about the body that follows."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from kit.problem import Problem
from producer_api import encodings, idempotency
from producer_api.encodings import UnknownEncodingError

# text/plain is what navigator.sendBeacon can send without asking for permission first.
JSON_TYPES: Final = ("application/json", "text/plain")
LINES_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_MAX_LENGTH_DIGITS: Final = 18
_CHARSETS: Final = ("utf-8", "utf8", "us-ascii")

Headers = Sequence[tuple[bytes, bytes]]


class Head(msgspec.Struct, frozen=True):
    """The request's head.

    lines            the body is one envelope a line, else JSON
    encodings        content codings in the order they were applied
    length_bytes     as declared, of the body as it is sent
    idempotency_key  see idempotency.py
    """

    lines: bool = False
    encodings: Sequence[str] = ()
    length_bytes: int | None = None
    idempotency_key: str | None = None


def read_head(headers: Headers, by_name: Mapping[bytes, bytes] | None = None) -> Head:
    """The head in ASGI's headers, which may be given as a dict as well; raises Problem (415, 400)."""
    if by_name is None:
        by_name = dict(headers)
    if len(by_name) != len(headers):
        by_name = _joined(headers)
    kind = by_name.get(b"content-type", b"")
    coding = by_name.get(b"content-encoding")
    key = by_name.get(b"idempotency-key")
    return Head(
        kind != b"application/json" and _is_lines(kind.decode("latin-1")),
        () if coding is None else _encodings(coding.decode("latin-1")),
        _length(by_name.get(b"content-length")),
        None if key is None else idempotency.parse_key(key.decode("latin-1")),
    )


def _joined(headers: Headers) -> Mapping[bytes, bytes]:
    """A header that is given several times is a list (RFC 9110, 5.3)."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


def _is_lines(content_type: str) -> bool:
    kind, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if kind and kind not in JSON_TYPES and kind not in LINES_TYPES:
        names = ", ".join(JSON_TYPES + LINES_TYPES)
        raise Problem(415, "unsupported-media-type", f"Content-Type must be one of {names}.")
    for parameter in parameters:
        key, _, charset = parameter.partition("=")
        if key.strip() == "charset" and charset.strip('" ') not in _CHARSETS:
            raise Problem(415, "unsupported-media-type", "The charset must be utf-8, as JSON demands.")
    return kind in LINES_TYPES


def _encodings(header: str) -> Sequence[str]:
    try:
        return encodings.parse(header)
    except UnknownEncodingError:
        names = ", ".join(encodings.NAMES)
        detail = f"Content-Encoding must be of {names}, at most {encodings.MAX_CHAINED} of them one after another."
        raise Problem(415, "unsupported-encoding", detail, headers={"Accept-Encoding": names}) from None


def _length(header: bytes | None) -> int | None:
    if header is None:
        return None
    if not header.isdigit() or len(header) > _MAX_LENGTH_DIGITS:
        raise Problem(400, "invalid-request", "Content-Length must be a number of bytes.")
    return int(header)

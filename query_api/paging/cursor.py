"""The cursor: where the next page begins, as opaque text that the client hands back.

A page is ordered by (time, id); the next one holds what lies strictly beyond the last action shown. So nothing is lost
or repeated while rows are inserted. The cursor is bound to the filters and the order it was made for, because under
others it would silently skip what the client has never seen; the limit may change from page to page. Bounds that were
written relative to now (``-15m``) stay, from page to page, where they were for the first one.
"""

import base64
import enum
import hashlib
import hmac
import struct
import uuid
from dataclasses import dataclass, replace
from typing import Final

from query_api.filtering.filters import Filters

_VERSION: Final = 2
_LAYOUT: Final = struct.Struct(">Bq16sqq")  # version, time in microseconds, id, start and end in microseconds
_UNBOUNDED: Final = -(1 << 63)
_TAG_BYTES: Final = 8
_PURPOSE: Final = b"cursor"
_FOREIGN: Final = "not a cursor of this service: take `next` of an answer, unchanged"


class CursorError(ValueError):
    """The text is no cursor of ours, or not one for these filters; the message says which."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last action of a page: its time in microseconds since 1970 and its id."""

    time_us: int
    event_id: uuid.UUID


class Order(enum.StrEnum):
    """Of the actions on a page, by (time, id)."""

    DESC = "desc"
    ASC = "asc"


class Cursors:
    """Writes and reads cursors, signed with a secret; with an empty one they are only protected against damage.

    bytes: version, time, id, start, end, a tag over these, a tag over these, the filters and the order; in base64url
    without padding.
    """

    def __init__(self, secret: str) -> None:
        self._key = hashlib.blake2b(secret.encode(), digest_size=32).digest()

    def encode(self, position: Position, filters: Filters, order: Order = Order.DESC) -> str:
        start_us, end_us = (_UNBOUNDED if us is None else us for us in (filters.start_us, filters.end_us))
        body = _LAYOUT.pack(_VERSION, position.time_us, position.event_id.bytes, start_us, end_us)
        return _to_text(body + self._tag(body) + self._tag(_bound(body, filters, order)))

    def decode(self, text: str, filters: Filters, order: Order = Order.DESC) -> tuple[Position, Filters]:
        """The position, and the filters with the bounds of the first page; raises CursorError."""
        signed = _from_text(text)
        body, own_tag, filters_tag = signed[: _LAYOUT.size], signed[_LAYOUT.size : -_TAG_BYTES], signed[-_TAG_BYTES:]
        if not hmac.compare_digest(own_tag, self._tag(body)):
            raise CursorError(_FOREIGN)
        if not hmac.compare_digest(filters_tag, self._tag(_bound(body, filters, order))):
            raise CursorError("made for other filters: keep all filters and the order from page to page")
        _, time_us, event_id, *bounds = _LAYOUT.unpack(body)
        start_us, end_us = (None if us == _UNBOUNDED else us for us in bounds)
        return Position(time_us, uuid.UUID(bytes=event_id)), replace(filters, start_us=start_us, end_us=end_us)

    def _tag(self, message: bytes) -> bytes:
        return hashlib.blake2b(message, key=self._key, digest_size=_TAG_BYTES, person=_PURPOSE).digest()


def _bound(body: bytes, filters: Filters, order: Order) -> bytes:
    return body + filters.fingerprint() + order.encode()


def _to_text(signed: bytes) -> str:
    return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    try:
        signed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise CursorError(_FOREIGN) from error
    right_shape = len(signed) == _LAYOUT.size + 2 * _TAG_BYTES and signed[0] == _VERSION
    if not right_shape or _to_text(signed) != text:  # base64 has several spellings of the same bytes
        raise CursorError(_FOREIGN)
    return signed

"""The cursor: where the next page begins, as opaque text that the client hands back.

A page is ordered by (time, id), newest first; the next one holds what lies strictly below the last action shown. So
nothing is lost or repeated while rows are inserted. The cursor is bound to the filters it was made for, because under
others it would silently skip what the client has never seen; the limit may change from page to page.
"""

import base64
import hashlib
import hmac
import struct
import uuid
from dataclasses import dataclass
from typing import Final

from query_api.filters import Filters

_VERSION: Final = 1
_LAYOUT: Final = struct.Struct(">Bq16s")  # version, time in microseconds, id
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


class Cursors:
    """Writes and reads cursors, signed with a secret; with an empty one they are only protected against damage.

    bytes: version, time, id, a tag over these, a tag over these and the filters; in base64url without padding.
    """

    def __init__(self, secret: str) -> None:
        self._key = hashlib.blake2b(secret.encode(), digest_size=32).digest()

    def encode(self, position: Position, filters: Filters) -> str:
        body = _LAYOUT.pack(_VERSION, position.time_us, position.event_id.bytes)
        return _to_text(body + self._tag(body) + self._tag(body + filters.fingerprint()))

    def decode(self, text: str, filters: Filters) -> Position:
        """The position; raises CursorError."""
        signed = _from_text(text)
        body, own_tag, filters_tag = signed[: _LAYOUT.size], signed[_LAYOUT.size : -_TAG_BYTES], signed[-_TAG_BYTES:]
        if not hmac.compare_digest(own_tag, self._tag(body)):
            raise CursorError(_FOREIGN)
        if not hmac.compare_digest(filters_tag, self._tag(body + filters.fingerprint())):
            raise CursorError("made for other filters: keep userId, type, startTime and endTime from page to page")
        _, time_us, event_id = _LAYOUT.unpack(body)
        return Position(time_us, uuid.UUID(bytes=event_id))

    def _tag(self, message: bytes) -> bytes:
        return hashlib.blake2b(message, key=self._key, digest_size=_TAG_BYTES, person=_PURPOSE).digest()


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

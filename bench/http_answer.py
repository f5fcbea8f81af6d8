"""HTTP/1.1 answers from a stream of bytes: one at a time, with Content-Length, as our services send them."""

import re
from typing import Final, NamedTuple

_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


class Answer(NamedTuple):
    """One answer."""

    status: int
    body: bytes


class UnreadableAnswerError(Exception):
    """Bytes that are no HTTP/1.1 answer with a Content-Length."""


class AnswerReader:
    """Puts answers together; there is never more than one under way on a connection."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._status = 0
        self._body_at = 0
        self._length = 0

    def feed(self, data: bytes) -> Answer | None:
        """The answer that these bytes complete, if they do. Raises UnreadableAnswerError."""
        self._received += data
        if not self._body_at and not self._read_head():
            return None
        end = self._body_at + self._length
        if len(self._received) < end:
            return None
        answer = Answer(self._status, bytes(self._received[self._body_at : end]))
        del self._received[:end]
        self._body_at = 0
        return answer

    def _read_head(self) -> bool:
        """Whether the head is there."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end])
        status, length = _STATUS.match(head), _LENGTH.search(head)
        if status is None or length is None:
            raise UnreadableAnswerError(head.decode(errors="replace"))
        self._status, self._length, self._body_at = int(status[1]), int(length[1]), end + 4
        return True

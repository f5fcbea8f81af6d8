"""What flows over a connection, as messages: which request a byte belongs to, in both directions.

A ``Wire`` is fed the bytes of one connection as they come and answers with pieces that know their request's kind:
``insert`` or ``query`` for ClickHouse over HTTP, the request's own name (``Fetch``, ``OffsetCommit``, …) for Kafka.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one message. ``start``: how many bytes of it came before these."""

    kind: str
    start: int
    data: bytes


class Wire(Protocol):
    """One connection, both ways."""

    def requests(self, data: bytes) -> Iterator[Piece]: ...
    def answers(self, data: bytes) -> Iterator[Piece]: ...


class HttpWire:
    """HTTP/1.1 without pipelining: a request begins with the first byte that a client sends after an answer."""

    def __init__(self) -> None:
        self._kind = ""
        self._asked = 0
        self._answered = 0

    def requests(self, data: bytes) -> Iterator[Piece]:
        if self._answered or not self._asked:
            self._asked = self._answered = 0
            self._kind = "insert" if b"INSERT" in data.partition(b"\r\n")[0] else "query"
        yield Piece(self._kind, self._asked, data)
        self._asked += len(data)

    def answers(self, data: bytes) -> Iterator[Piece]:
        yield Piece(self._kind, self._answered, data)
        self._answered += len(data)


_KAFKA_REQUESTS: Final = {
    0: "Produce",
    1: "Fetch",
    2: "ListOffsets",
    3: "Metadata",
    8: "OffsetCommit",
    9: "OffsetFetch",
    10: "FindCoordinator",
    11: "JoinGroup",
    12: "Heartbeat",
    13: "LeaveGroup",
    14: "SyncGroup",
}
_SIZE_BYTES: Final = 4
_REQUEST_HEAD_BYTES: Final = 12  # size, api key, api version, correlation id
_ANSWER_HEAD_BYTES: Final = 8  # size, correlation id


class KafkaWire:
    """Kafka's protocol: messages led by their size; an answer carries the correlation id of its request."""

    def __init__(self) -> None:
        self._kinds: dict[bytes, str] = {}
        self._requests = _Frames(_REQUEST_HEAD_BYTES, self._kind_of_request)
        self._answers = _Frames(_ANSWER_HEAD_BYTES, self._kind_of_answer)

    def requests(self, data: bytes) -> Iterator[Piece]:
        return self._requests.feed(data)

    def answers(self, data: bytes) -> Iterator[Piece]:
        return self._answers.feed(data)

    def _kind_of_request(self, head: bytes) -> str:
        kind = _KAFKA_REQUESTS.get(int.from_bytes(head[4:6], "big"), "other")
        self._kinds[head[8:12]] = kind
        return kind

    def _kind_of_answer(self, head: bytes) -> str:
        return self._kinds.pop(head[4:8], "other")


class _Frames:
    """Splits a stream into messages led by a 4-byte size; nothing of one is passed on before its head is whole."""

    def __init__(self, head_bytes: int, name: Callable[[bytes], str]) -> None:
        self._head_bytes = head_bytes
        self._name = name
        self._waiting = b""
        self._kind = ""
        self._passed = 0
        self._left = 0

    def feed(self, data: bytes) -> Iterator[Piece]:
        self._waiting += data
        while self._waiting and (self._left or self._begin()):
            part, self._waiting = self._waiting[: self._left], self._waiting[self._left :]
            piece = Piece(self._kind, self._passed, part)
            self._passed += len(part)
            self._left -= len(part)
            yield piece

    def _begin(self) -> bool:
        """Whether the head of the next message is there; it says how long the message is, and of what kind."""
        if len(self._waiting) < self._head_bytes:
            return False
        self._left = _SIZE_BYTES + int.from_bytes(self._waiting[:_SIZE_BYTES], "big")
        self._kind = self._name(self._waiting[: self._head_bytes])
        self._passed = 0
        return True

"""The wires: every byte is passed on once and in order, and is known by the request it belongs to."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.wire import HttpWire, KafkaWire, Piece


def kafka_message(head: bytes, body: bytes) -> bytes:
    return (len(head) + len(body)).to_bytes(4, "big") + head + body


def request_head(api_key: int, correlation: int) -> bytes:
    return api_key.to_bytes(2, "big") + b"\0\7" + correlation.to_bytes(4, "big")


def chunks(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in [*sizes, len(stream)]:
        if stream[at : at + size]:
            yield stream[at : at + size]
        at += size


def by_message(pieces: list[Piece]) -> list[tuple[str, bytes]]:
    """Joined again: kind and bytes of each message."""
    messages: list[tuple[str, bytes]] = []
    for piece in pieces:
        if piece.start == 0:
            messages.append((piece.kind, piece.data))
        else:
            kind, earlier = messages.pop()
            assert (kind, len(earlier)) == (piece.kind, piece.start)
            messages.append((kind, earlier + piece.data))
    return messages


@given(
    asked=st.lists(st.tuples(st.sampled_from([(1, "Fetch"), (8, "OffsetCommit"), (12, "Heartbeat")]), st.binary())),
    cuts=st.lists(st.integers(1, 30)),
)
def test_kafka_messages_are_told_apart_however_they_are_split(
    asked: list[tuple[tuple[int, str], bytes]], cuts: list[int]
) -> None:
    wire = KafkaWire()
    requests = [kafka_message(request_head(key, number), body) for number, ((key, _), body) in enumerate(asked)]
    answers = [kafka_message(number.to_bytes(4, "big"), body) for number, (_, body) in enumerate(asked)]
    for messages, feed in ((requests, wire.requests), (answers, wire.answers)):
        pieces = [piece for chunk in chunks(b"".join(messages), cuts) for piece in feed(chunk)]
        assert by_message(pieces) == [(kind, sent) for ((_, kind), _), sent in zip(asked, messages, strict=True)]


def test_a_request_over_http_begins_after_the_answer_to_the_last_one() -> None:
    wire = HttpWire()
    sent = [b"POST /?query=INSERT+INTO+actions HTTP/1.1\r\n\r\n", b"rows", b"rows"]
    assert [(p.kind, p.start) for data in sent for p in wire.requests(data)] == [
        ("insert", 0),
        ("insert", len(sent[0])),
        ("insert", len(sent[0]) + 4),
    ]
    assert [(p.kind, p.start) for data in (b"HTTP/1.1 200", b" OK") for p in wire.answers(data)] == [
        ("insert", 0),
        ("insert", 12),
    ]
    assert [(p.kind, p.start) for p in wire.requests(b"POST / HTTP/1.1\r\n\r\nSELECT 'INSERT'")] == [("query", 0)]

"""Reading a request's body: its bounds, as it is sent and as it is decompressed."""

import gzip
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from kit.problem import Problem
from producer_api.body import ClientGoneError, read_body
from producer_api.head import Head

PLAIN = Head()
GZIP = Head(encodings=("gzip",))


class Chunks:
    """An ASGI receive channel that delivers the chunks given, and counts those that were asked for."""

    def __init__(self, *chunks: bytes, disconnect: bool = False) -> None:
        self.asked = 0
        self._messages = self._deliver(chunks, disconnect)

    async def __call__(self) -> MutableMapping[str, Any]:
        self.asked += 1
        return next(self._messages)

    @staticmethod
    def _deliver(chunks: tuple[bytes, ...], disconnect: bool) -> Iterator[MutableMapping[str, Any]]:
        for position, chunk in enumerate(chunks, 1):
            yield {"type": "http.request", "body": chunk, "more_body": disconnect or position < len(chunks)}
        yield {"type": "http.disconnect"}


async def refusal_of(head: Head, chunks: Chunks, max_bytes: int) -> Problem:
    with pytest.raises(Problem) as refusal:
        await read_body(head, chunks, max_bytes=max_bytes)
    return refusal.value


async def test_chunks_are_joined() -> None:
    assert await read_body(PLAIN, Chunks(b"12", b"", b"345"), max_bytes=5) == b"12345"


@pytest.mark.parametrize("encodings", [(), ("gzip",)])
async def test_a_declared_length_beyond_the_bound_is_refused_before_reading(encodings: tuple[str, ...]) -> None:
    chunks = Chunks(b"x" * 6)
    assert (await refusal_of(Head(encodings=encodings, length_bytes=6), chunks, 5)).status == 413
    assert chunks.asked == 0


async def test_an_undeclared_body_is_refused_as_soon_as_it_passes_the_bound() -> None:
    chunks = Chunks(b"123", b"456", b"789", b"0")
    assert (await refusal_of(PLAIN, chunks, 5)).status == 413
    assert chunks.asked == 2


async def test_a_compressed_body_is_decompressed_while_it_arrives() -> None:
    sent = gzip.compress(b"12345" * 10)
    assert await read_body(GZIP, Chunks(sent[:7], b"", sent[7:]), max_bytes=50) == b"12345" * 10


async def test_a_compressed_body_is_refused_as_soon_as_it_decompresses_beyond_the_bound() -> None:
    sent = gzip.compress(bytes(10_000_000))
    chunks = Chunks(sent[:5_000], sent[5_000:])
    assert (await refusal_of(GZIP, chunks, 50_000)).status == 413
    assert chunks.asked == 1


async def test_a_compressed_body_is_bounded_as_it_is_sent_too() -> None:
    chunks = Chunks(*[gzip.compress(b"")] * 10)
    assert (await refusal_of(GZIP, chunks, 50)).status == 413
    assert chunks.asked < 10


async def test_a_broken_stream_is_refused_with_400() -> None:
    problem = await refusal_of(GZIP, Chunks(b"{}"), 50)
    assert (problem.status, problem.code) == (400, "invalid-encoding")


@pytest.mark.parametrize("head", [PLAIN, GZIP])
async def test_a_client_that_hangs_up_is_noticed(head: Head) -> None:
    with pytest.raises(ClientGoneError):
        await read_body(head, Chunks(b"", disconnect=True), max_bytes=5)

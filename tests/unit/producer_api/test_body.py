"""Reading a request's body: its declared kind, and the bound on its bytes."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from kit.problem import Problem
from producer_api.body import ClientGoneError, read_body, require_json


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


@pytest.mark.parametrize(
    "kind",
    [b"application/json", b"application/json; charset=utf-8", b'Application/JSON;charset="UTF-8"', b"text/plain", b""],
)
def test_json_in_utf_8_is_taken_under_its_usual_names(kind: bytes) -> None:
    require_json([(b"host", b"x"), (b"content-type", kind)])


def test_a_body_without_a_content_type_is_taken_as_json() -> None:
    require_json([(b"content-encoding", b"identity")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-type", b"application/jsonx"),
        (b"content-type", b"application/json; charset=latin-1"),
        (b"content-encoding", b"gzip"),
    ],
)
def test_other_kinds_are_refused_with_415(name: bytes, value: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        require_json([(name, value)])
    assert refusal.value.status == 415


async def test_chunks_are_joined() -> None:
    assert await read_body([], Chunks(b"12", b"", b"345"), max_bytes=5) == b"12345"


async def test_a_declared_length_beyond_the_bound_is_refused_before_reading() -> None:
    chunks = Chunks(b"x" * 6)
    with pytest.raises(Problem) as refusal:
        await read_body([(b"content-length", b"6")], chunks, max_bytes=5)
    assert refusal.value.status == 413
    assert chunks.asked == 0


async def test_an_undeclared_body_is_refused_as_soon_as_it_passes_the_bound() -> None:
    chunks = Chunks(b"123", b"456", b"789", b"0")
    with pytest.raises(Problem) as refusal:
        await read_body([], chunks, max_bytes=5)
    assert refusal.value.status == 413
    assert chunks.asked == 2


async def test_a_client_that_hangs_up_is_noticed() -> None:
    with pytest.raises(ClientGoneError):
        await read_body([], Chunks(b"123", disconnect=True), max_bytes=5)

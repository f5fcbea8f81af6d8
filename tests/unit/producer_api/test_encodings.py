"""Compressed bodies: all four codings, alone and chained, in any chunks; and what is refused of them."""

import gzip
import sys
import zlib
from collections.abc import Callable, Mapping

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer_api.encodings import (
    MAX_MEMBERS,
    NAMES,
    PIECE_BYTES,
    BrokenEncodingError,
    Decompression,
    TooLargeError,
    UnknownEncodingError,
    parse,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "br": brotli.compress,
}
MAX_BYTES = 1_000_000

every_encoding = pytest.mark.parametrize("name", NAMES)


def decompress(encodings: tuple[str, ...], *chunks: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    decompression = Decompression(encodings, max_bytes)
    for chunk in chunks:
        decompression.add(chunk)
    return decompression.finish()


@given(
    st.lists(st.sampled_from(NAMES), max_size=3),
    st.binary(max_size=2_000) | st.builds(bytes.__mul__, st.binary(max_size=9), st.integers(0, 50_000)),
    st.integers(1, 100_000),
)
def test_what_was_compressed_comes_back_in_whatever_chunks_it_arrives(
    encodings: list[str], body: bytes, chunk_bytes: int
) -> None:
    sent = body
    for name in encodings:
        sent = COMPRESS[name](sent)
    chunk_bytes = max(chunk_bytes, len(sent) // 50)
    chunks = [sent[i : i + chunk_bytes] for i in range(0, len(sent), chunk_bytes)]
    assert decompress(tuple(encodings), *chunks) == body


@every_encoding
def test_a_stream_without_an_end_is_refused(name: str) -> None:
    whole = COMPRESS[name](b"some text " * 100)
    for broken in (b"", whole[:-1], whole[: len(whole) // 2]):
        with pytest.raises(BrokenEncodingError, match=f"{name} stream of the body ends too early"):
            decompress((name,), broken)


@every_encoding
@pytest.mark.parametrize("body", [b'{"userId": "u"}', b"\xff" * 100])
def test_a_body_that_is_not_compressed_as_declared_is_refused(name: str, body: bytes) -> None:
    with pytest.raises(BrokenEncodingError):
        decompress((name,), body)


@every_encoding
def test_bytes_after_the_end_are_refused(name: str) -> None:
    with pytest.raises(BrokenEncodingError):
        decompress((name,), COMPRESS[name](b"text") + b"more than that")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_several_members_are_one_body(name: str) -> None:
    assert decompress((name,), COMPRESS[name](b"one "), COMPRESS[name](b"two ") + COMPRESS[name](b"three")) == (
        b"one two three"
    )


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members_are_bounded_for_an_empty_one_takes_time_too(name: str) -> None:
    member = COMPRESS[name](b"")
    assert decompress((name,), member * MAX_MEMBERS) == b""
    for encodings, sent in (((name,), member * (MAX_MEMBERS + 1)), ((name, "br"), brotli.compress(member * 10_000))):
        with pytest.raises(BrokenEncodingError, match="more than 1024 pieces"):
            decompress(encodings, sent)


@every_encoding
def test_a_bomb_costs_no_more_than_the_bound(name: str) -> None:
    bomb = COMPRESS[name](bytes(50_000_000))
    decompression = Decompression((name,), MAX_BYTES)
    with pytest.raises(TooLargeError):
        decompression.add(bomb)
    assert decompression.decompressed_bytes <= MAX_BYTES + 2 * PIECE_BYTES


def test_a_bomb_inside_a_bomb_costs_no_more_either() -> None:
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    decompression = Decompression(("gzip", "gzip"), MAX_BYTES)
    with pytest.raises(TooLargeError):
        decompression.add(bomb)
    assert decompression.decompressed_bytes <= 2 * (MAX_BYTES + PIECE_BYTES)


def test_a_frame_that_asks_for_more_memory_than_http_allows_is_refused() -> None:
    wide = zstd.compress(bytes(10_000_000), options={zstd.CompressionParameter.window_log: 24})
    with pytest.raises(BrokenEncodingError):
        decompress(("zstd",), wide[:-4])


@every_encoding
def test_the_bound_itself_is_allowed(name: str) -> None:
    sent = COMPRESS[name](bytes(MAX_BYTES))
    assert len(decompress((name,), sent)) == MAX_BYTES
    with pytest.raises(TooLargeError):
        decompress((name,), sent, max_bytes=MAX_BYTES - 1)


@pytest.mark.parametrize(
    ("header", "chain"),
    [
        ("", ()),
        ("identity", ()),
        ("GZip", ("gzip",)),
        ("x-gzip", ("gzip",)),
        ("gzip, br", ("gzip", "br")),
        (" deflate ,identity,,\tzstd", ("deflate", "zstd")),
    ],
)
def test_the_header_names_codings_in_the_order_they_were_applied(header: str, chain: tuple[str, ...]) -> None:
    assert parse(header) == chain


@pytest.mark.parametrize("header", ["compress", "gzip;q=1", "gzip, lzma", "gzip,gzip,gzip,gzip", "dcb"])
def test_other_codings_and_long_chains_are_refused(header: str) -> None:
    with pytest.raises(UnknownEncodingError):
        parse(header)

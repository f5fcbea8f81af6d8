"""Content codings of request bodies: decompressed while they arrive, never beyond a bound.

Every codec gives out what it decompresses in pieces, so that a body of 1 KB that stands for 10 GB costs one piece more
than the bound, in time and in memory.
"""

import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES: Final = 64 * 1024
MAX_CHAINED: Final = 3
# Members or frames of one stream. Each takes up to 30 us, also an empty one, of which 1 MiB holds 100,000.
MAX_MEMBERS: Final = 1_024
# RFC 9659: what a receiver must be ready to remember for the coding `zstd`; a frame may ask for gigabytes.
_ZSTD_WINDOW: Final[Mapping[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
_ERRORS: Final = (zlib.error, brotli.error, zstd.ZstdError)


class BrokenEncodingError(ValueError):
    """A body is not what its Content-Encoding says; the message is the reason."""


class TooLargeError(Exception):
    """A body decompresses to more bytes than allowed."""


class UnknownEncodingError(ValueError):
    """A Content-Encoding that is not supported; the message is its name."""


class Codec(Protocol):
    """One stream being decompressed. Whatever the library raises is among _ERRORS."""

    @property
    def complete(self) -> bool:
        """Whether the stream has come to its end."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` adds to the decompressed stream, in pieces of about PIECE_BYTES."""


class _Zlib:
    """gzip (RFC 1952, several members too) and deflate (RFC 1950: with zlib's header, as RFC 9110 has it)."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._members = 1
        self._stream = zlib.decompressobj(window_bits)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._stream.eof:
                if not data:
                    return
                self._members = _one_more(self._members)
                self._stream = zlib.decompressobj(self._window_bits)
            piece = self._stream.decompress(data, PIECE_BYTES)
            yield piece
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:  # a full piece: more may be held back
                return


class _Zstd:
    """zstd (RFC 8878), several frames too."""

    def __init__(self) -> None:
        self._frames = 1
        self._stream = zstd.ZstdDecompressor(options=_ZSTD_WINDOW)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._stream.eof:
                if not data:
                    return
                self._frames = _one_more(self._frames)
                self._stream = zstd.ZstdDecompressor(options=_ZSTD_WINDOW)
            yield self._stream.decompress(data, PIECE_BYTES)
            data = self._stream.unused_data if self._stream.eof else b""
            if not data and self._stream.needs_input:
                return


class _Brotli:
    """br (RFC 7932). The library refuses bytes after the end by itself."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def complete(self) -> bool:
        return bool(self._stream.is_finished())

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece: bytes = self._stream.process(data, output_buffer_limit=PIECE_BYTES)
            yield piece
            data = b""
            # It says that it can take more while it still holds output back.
            if not piece and self._stream.can_accept_more_data():
                return


def _one_more(members: int) -> int:
    if members == MAX_MEMBERS:
        raise BrokenEncodingError(f"The body is compressed in more than {MAX_MEMBERS} pieces.")
    return members + 1


def _codec(name: str) -> Codec:
    match name:
        case "gzip":
            return _Zlib(16 + zlib.MAX_WBITS)
        case "deflate":
            return _Zlib(zlib.MAX_WBITS)
        case "zstd":
            return _Zstd()
        case "br":
            return _Brotli()
    raise UnknownEncodingError(name)


NAMES: Final = ("gzip", "deflate", "zstd", "br")
_ALIASES: Final[Mapping[str, str]] = {"x-gzip": "gzip"}  # RFC 9110, 8.4.1.3


def parse(header: str) -> tuple[str, ...]:
    """The codings of a Content-Encoding, in the order they were applied; raises UnknownEncodingError."""
    names = [_ALIASES.get(name, name) for part in header.lower().split(",") if (name := part.strip(" \t"))]
    chain = tuple(name for name in names if name != "identity")
    for name in chain:
        if name not in NAMES:
            raise UnknownEncodingError(name)
    if len(chain) > MAX_CHAINED:
        raise UnknownEncodingError(f"a chain of {len(chain)}")
    return chain


class Decompression:
    """One body being decompressed, through one coding or several."""

    def __init__(self, encodings: Sequence[str], max_bytes: int) -> None:
        self._names = list(reversed(encodings))  # what was applied last comes off first
        self._codecs = [_codec(name) for name in self._names]
        self._sizes_bytes = [0] * len(self._codecs)
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []

    @property
    def decompressed_bytes(self) -> int:
        """What all codings together have given out so far."""
        return sum(self._sizes_bytes)

    def add(self, data: bytes) -> None:
        """Decompress the next bytes of the body; raises BrokenEncodingError and TooLargeError."""
        self._pieces.extend(self._through(data, 0))

    def finish(self) -> bytes:
        """The whole body; raises BrokenEncodingError when its end is missing."""
        for name, codec in zip(self._names, self._codecs, strict=True):
            if not codec.complete:
                raise BrokenEncodingError(f"The {name} stream of the body ends too early.")
        return b"".join(self._pieces)

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._codecs):
            yield data
            return
        try:
            for piece in self._codecs[stage].pieces(data):
                self._sizes_bytes[stage] += len(piece)
                if self._sizes_bytes[stage] > self._max_bytes:
                    raise TooLargeError
                yield from self._through(piece, stage + 1)
        except _ERRORS as error:
            raise BrokenEncodingError(f"The body is no {self._names[stage]} stream: {error}.") from error

"""The body of a request: its bytes up to a bound, decompressed while they arrive."""

from starlette.types import Receive

from kit.problem import Problem
from producer_api import metrics
from producer_api.encodings import BrokenEncodingError, Decompression, TooLargeError
from producer_api.head import Head


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


async def read_body(head: Head, receive: Receive, *, max_bytes: int) -> bytes:
    """The whole body, decompressed; raises Problem (413, 400) as soon as it is due, and ClientGoneError.

    max_bytes bounds it twice: as it is sent, and as it is decompressed.
    """
    if head.length_bytes is not None and head.length_bytes > max_bytes:
        raise _too_large(max_bytes)
    if head.encodings:
        return await _read_compressed(head, receive, max_bytes)
    body, more = await _next_chunk(receive)
    if more:
        chunks, size_bytes = [body], len(body)
        while more and size_bytes <= max_bytes:
            chunk, more = await _next_chunk(receive)
            chunks.append(chunk)
            size_bytes += len(chunk)
        body = b"".join(chunks)
    return accept_body(body, max_bytes=max_bytes)


def accept_body(body: bytes, *, max_bytes: int) -> bytes:
    """The body that has arrived, not compressed; raises Problem (413)."""
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    metrics.RECEIVED_BYTES.inc(len(body))
    return body


async def _read_compressed(head: Head, receive: Receive, max_bytes: int) -> bytes:
    decompression = Decompression(head.encodings, max_bytes)
    sent_bytes, more = 0, True
    try:
        while more:
            chunk, more = await _next_chunk(receive)
            sent_bytes += len(chunk)
            if sent_bytes > max_bytes:
                raise _too_large(max_bytes)
            decompression.add(chunk)
        body = decompression.finish()
    except TooLargeError:
        raise _too_large(max_bytes) from None
    except BrokenEncodingError as error:
        raise Problem(400, "invalid-encoding", str(error)) from error
    metrics.RECEIVED_BYTES.inc(sent_bytes)
    metrics.DECOMPRESSED_BYTES.labels(head.encodings[-1]).inc(len(body))
    metrics.COMPRESSED_BYTES.labels(head.encodings[-1]).inc(sent_bytes)
    return body


async def _next_chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    return message.get("body", b""), message.get("more_body", False)


def _too_large(max_bytes: int) -> Problem:
    detail = f"The body must have at most {max_bytes} bytes, also decompressed: send fewer actions at once."
    return Problem(413, "body-too-large", detail)

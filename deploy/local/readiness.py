"""Whether a process answers: one whole request, one answer, bounded."""

import asyncio
import struct
from urllib.parse import urlsplit

_ANSWER_S = 2.0
_API_VERSIONS_KEY = 18


async def http_ok(url: str) -> bool:
    """Whether a GET answers 200. The request is sent in one piece: half a request head ends the local engine."""
    parts = urlsplit(url)
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    answer = await _exchange(parts.hostname or "", parts.port or 80, request.encode(), len("HTTP/1.1 200"))
    return answer.endswith(b" 200")


async def kafka_answers(host: str, port: int) -> bool:
    """Whether the broker answers an ApiVersions request, which it does once it serves clients."""
    client = b"actionlog-local"
    body = struct.pack(f">hhih{len(client)}s", _API_VERSIONS_KEY, 0, 1, len(client), client)
    answer = await _exchange(host, port, struct.pack(">i", len(body)) + body, 10)
    # size, correlation id, error code
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)


async def _exchange(host: str, port: int, request: bytes, answer_bytes: int) -> bytes:
    """The first bytes of the answer, or nothing when there is none in time."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                return await reader.readexactly(answer_bytes)
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return b""

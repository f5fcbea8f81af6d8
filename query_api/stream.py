"""A stream: the bytes of a long answer, as ClickHouse sends them, without its report of an error.

ClickHouse sends an answer while it still works on it. An error after the head is written into the body, at its end, and
the connection is cut (FACTS B11: ``__exception__``, a tag, a text of up to 16 KiB, the tag again). Passed on, it would
be taken for data. So the end of what has come is held back until it is known to be data.
"""

import re
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from query_api import metrics

HELD_BYTES: Final = 32_768  # above what the report can take, with its tags
_BEGIN: Final = rb"\r\n__exception__\r\n(?P<tag>[a-zA-Z]{16})\r\n"
# Whole and at the very end: within an action's text it is data.
_REPORT: Final = re.compile(_BEGIN + rb".*\n\d+ (?P=tag)\r\n__exception__(?:\r\n)?\Z", re.DOTALL)
_CODE: Final = re.compile(_BEGIN + rb"Code: (?P<code>\d+)\.", re.DOTALL)


class StreamCut(Exception):  # noqa: N818 - named for what happened
    """The answer ends before its end. ``code`` is ClickHouse's, where it told one."""

    def __init__(self, code: int | None) -> None:
        super().__init__("ClickHouse cut its answer short")
        self.code = code


async def guarded(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks as they came, the last HELD_BYTES only when the stream ended well; raises StreamCut when it did not.

    Holds as many chunks as those bytes need, and copies none. Nothing is read ahead: while nobody asks, the socket's
    buffers fill, and then ClickHouse waits.
    """
    held: deque[bytes] = deque()
    held_bytes = 0
    failure: Exception | None = None
    try:
        async for chunk in chunks:
            held.append(chunk)
            held_bytes += len(chunk)
            metrics.EXPORT_HELD_BYTES.observe(held_bytes)
            while held_bytes - len(held[0]) >= HELD_BYTES:
                held_bytes -= len(held[0])
                yield held.popleft()
    except OSError as error:
        failure = error
    data, end = _split(b"".join(held))
    if data:
        yield data
    if failure or _REPORT.search(end):  # a proxy on the way may have ended the cut stream properly
        raise StreamCut(_code(end)) from failure
    yield end


def _split(held: bytes) -> tuple[bytes, bytes]:
    """What is data in any case, and the end, which may be a report."""
    return held[:-HELD_BYTES], held[-HELD_BYTES:]


def _code(tail: bytes) -> int | None:
    found = _CODE.search(tail)
    return int(found["code"]) if found else None

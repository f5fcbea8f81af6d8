"""Lone surrogates: half of a character outside the first 65,536, written ``\\ud83d`` without its other half.

A browser sends one when a text was cut in the middle of an emoji. JSON's grammar allows the escape, but no UTF-8 text
can hold it, so readers differ: msgspec refuses to read on. For one such action not to hide the others of its request,
the escape is replaced by the three bytes it stands for. Those are not UTF-8, hence refused in their place, by name.
"""

import re
from typing import Final

# An escaped backslash first, so that "\\ud800" (a backslash and some letters) is left alone; then a whole pair.
_ESCAPES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([dD][89a-fA-F][0-9a-fA-F]{2})"
)
_MARK: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


def unescape(body: bytes) -> bytes:
    """The body with every lone surrogate as the bytes it stands for, and nothing else changed."""
    return _ESCAPES.sub(_bytes_of_lone, body)


def is_at(error: UnicodeDecodeError) -> bool:
    """Whether what cannot be decoded is a surrogate."""
    return _MARK.match(error.object, error.start) is not None


def _bytes_of_lone(match: re.Match[bytes]) -> bytes:
    lone = match[1]
    return match[0] if lone is None else chr(int(lone, 16)).encode("utf-8", "surrogatepass")

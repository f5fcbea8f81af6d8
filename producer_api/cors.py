"""Cross-origin requests: which pages a browser lets send actions and read the answers (Fetch standard, CORS).

No credentials: nothing here depends on cookies, so no answer allows them, and ``*`` is safe to say.
"""

from collections.abc import Iterable

from kit.keys import ANY_ORIGIN

ALLOWED_HEADERS = "Content-Type, Content-Encoding, Authorization, X-Write-Key, Idempotency-Key, X-Request-Id"
EXPOSED_HEADERS = "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"
METHODS = "POST"

Headers = list[tuple[bytes, bytes]]


class Origins:
    """A set of origins, or all of them."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._exact = frozenset(origin.encode() for origin in origins)
        self._any = ANY_ORIGIN.encode() in self._exact

    def __contains__(self, origin: bytes) -> bool:
        return self._any or origin in self._exact

    def readable_by(self, origin: bytes) -> Headers:
        """Headers by which a page of this origin may read an answer; none when it is not in the set."""
        if origin not in self:
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", ANY_ORIGIN.encode() if self._any else origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
            (b"vary", b"Origin"),
        ]


def preflight(origins: Origins, origin: bytes, max_age_s: int) -> Headers | None:
    """The answer's headers to a browser that asks whether it may; None when it may not."""
    if origin not in origins:
        return None
    return [
        *origins.readable_by(origin),
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
        (b"access-control-max-age", b"%d" % max_age_s),
    ]

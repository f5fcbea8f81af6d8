"""Filters: which actions a request asks for."""

import hashlib
from dataclasses import astuple, dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that all hold; None is no condition.

    user_id, type       equal to
    start_us, end_us    microseconds since 1970: start_us <= time < end_us
    """

    user_id: str | None = None
    type: str | None = None
    start_us: int | None = None
    end_us: int | None = None

    def fingerprint(self) -> bytes:
        """16 bytes that tell these filters from others."""
        return hashlib.blake2b(msgspec.json.encode(astuple(self)), digest_size=16).digest()

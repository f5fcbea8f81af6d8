"""Ids for actions that bring none: UUIDv7 (RFC 9562), ascending in the order of the request."""

from typing import Final

from uuid_utils import uuid7

# The last twelve bits of an id, as text.
_COUNTS: Final = [f"{count:03x}" for count in range(1 << 12)]


def new_ids(count: int) -> list[str]:
    """As many ids, all but their last three digits from one UUIDv7, those counting: a fifth of the time of as many.

    RFC 9562, 6.2, method 2: a random seed and increments of one. 62 random bits remain, of which the library counts
    some up within a millisecond, so no two ids of a process are alike.
    """
    if count > len(_COUNTS):
        return [str(uuid7()) for _ in range(count)]
    seed = str(uuid7())[:-3]
    return [seed + last for last in _COUNTS[:count]]

"""Idempotency-Key: ids that follow from the request, so that a client without ids of its own may send it again.

The header of draft-ietf-httpapi-idempotency-key-header, whose value is a quoted string; unquoted ones are common and
taken too. Nothing is remembered: the same key, user and position always make the same id, and the same id is the same
action. So a request that is sent again must be the same, action for action; the service cannot check it.
"""

import re
from collections.abc import Callable
from typing import Final

from uuid_utils import NAMESPACE_URL, uuid5

from kit.problem import FieldError, Problem

MAX_KEY_CHARS: Final = 255
# Ours alone, so that nobody else's UUIDv5 of the same text is the same.
_NAMESPACE: Final = uuid5(NAMESPACE_URL, "tag:actionlog,2026:idempotency-key")

_BARE: Final = re.compile(r"[!#-~][!-~]*")  # visible ASCII that does not begin like a quoted string
_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')  # RFC 9651, 3.3.3
_ESCAPED: Final = re.compile(r'\\(["\\])')


def parse_key(header: str) -> str:
    """The key in the header's value; raises Problem (400)."""
    header = header.strip(" \t")
    quoted = _QUOTED.fullmatch(header)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else header
    if not 1 <= len(key) <= MAX_KEY_CHARS or not (quoted or _BARE.fullmatch(header)):
        reason = f"must be 1 to {MAX_KEY_CHARS} visible ASCII characters, quoted or not, and given once"
        errors = [FieldError(path="Idempotency-Key", reason=reason)]
        raise Problem(400, "invalid-request", f"Idempotency-Key: {reason}", errors=errors)
    return key


def ids_of(key: str) -> Callable[[str, int], str]:
    """Makes the id of an action, from its user and its position in the request.

    The user is part of it so that two clients which number their requests 1, 2, 3 do not meet.
    """

    def new_id(user_id: str, position: int) -> str:
        return str(uuid5(_NAMESPACE, f"{len(key)}:{key}{position}:{user_id}"))

    return new_id

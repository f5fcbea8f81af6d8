"""Read keys: what an entry of their file says, how a request presents one, and what its holder may see."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from kit.keys import Entry
from query_api.filtering.filters import Scope
from query_api.filtering.moments import Moment, parse_moment, to_us
from query_api.filtering.query_string import MAX_PARAMETERS

PREFIX: Final = "alr_"
# Where a browser's EventSource asks, which cannot set headers. Elsewhere a key in the URL is refused: URLs are logged.
PATHS_WITH_KEY_IN_QUERY: Final = frozenset({"/log/tail"})
_BEARER: Final = b"bearer "

_Text = Annotated[str, Meta(min_length=1, max_length=1024)]
_Texts = Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=1000)]  # an empty list would read as "none at all"


def _moment(text: str | None) -> Moment | None:
    return None if text is None else parse_moment(text)


def _relative(moment: Moment | None) -> str:
    return moment.written if moment is not None and moment.relative else ""


def _now_us() -> int:
    return to_us(datetime.now(UTC))


class KeyScope(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """What a key may see, as the file says it; what is left out is not narrowed.

    user_ids, types         any of them
    start_time, end_time    RFC 3339, or relative to the moment of each request: ``-30d``; start <= time < end
    hidden_properties       members of ``properties`` that are neither answered nor compared
    """

    user_ids: _Texts | None = None
    types: _Texts | None = None
    start_time: str | None = None
    end_time: str | None = None
    hidden_properties: _Texts | None = None

    def __post_init__(self) -> None:
        start, end = _moment(self.start_time), _moment(self.end_time)
        if start and end and start.at(_now_us()) >= end.at(_now_us()):
            raise ValueError("startTime is not before endTime")

    def now(self) -> Scope:
        """The scope at this moment."""
        start, end, now_us = _moment(self.start_time), _moment(self.end_time), _now_us()
        return Scope(
            user_ids=self.user_ids or (),
            types=self.types or (),
            start_us=start.at(now_us) if start else None,
            end_us=end.at(now_us) if end else None,
            hidden_properties=self.hidden_properties or (),
            relative=(_relative(start), _relative(end)),
        )


class ReadKey(Entry, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One entry of the file.

    scope   what it may see; without one: everything
    admin   whether it may erase; such a key sees everything
    """

    scope: KeyScope = KeyScope()
    admin: bool = False

    def __post_init__(self) -> None:
        if self.admin and self.is_narrowed:
            raise ValueError("an admin key erases anybody's actions, so it cannot have a scope")

    @property
    def is_narrowed(self) -> bool:
        return self.scope != KeyScope()


def presented(path: str, headers: Mapping[bytes, bytes], query_string: bytes) -> bytes | None:
    """The key as ``Authorization: Bearer``, else as ``X-Read-Key``, else as ``?key=`` on the paths that may have it."""
    authorization = headers.get(b"authorization", b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    if (header := headers.get(b"x-read-key")) is not None:
        return header
    if path in PATHS_WITH_KEY_IN_QUERY:
        return _in_query(query_string)
    return None


def _in_query(query_string: bytes) -> bytes | None:
    try:
        fields = parse_qsl(query_string.decode("latin-1"), max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return None
    return next((value.encode() for name, value in fields if name == "key"), None)

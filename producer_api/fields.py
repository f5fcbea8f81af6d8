"""The rule of every field of a request: what is accepted, and the form in which it is kept.

Each ``accept_*`` returns the kept form or raises Refused with a reason for people. msgspec has checked the JSON type.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache, reduce
from typing import Any, Final

import msgspec

from contract.record import EARLIEST_TIME, LATEST_TIME

MAX_NAME_CHARS: Final = 256
MAX_TYPE_CHARS: Final = 64
MAX_PROPERTIES_BYTES: Final = 32 * 1024
MAX_PROPERTIES_DEPTH: Final = 16  # the object itself is the first level

# A type is a name that reports group by. ASCII only, so that two types that look alike are alike.
TYPE_PATTERN: Final = r"[A-Za-z0-9_.:/$-]+(?: +[A-Za-z0-9_.:/$-]+)*"
_TYPE: Final = re.compile(TYPE_PATTERN)
_MILLISECOND: Final = timedelta(milliseconds=1)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_UUID: Final = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE)


class Refused(ValueError):  # noqa: N818 - a verdict about the client's value, no failure of ours
    """A field's value is not accepted; the message is the reason."""


def accept_name(name: str) -> str:
    """A userId or sessionId: 1-256 characters, none of them a control character (C0, DEL, C1)."""
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise Refused(f"must have 1 to {MAX_NAME_CHARS} characters, has {len(name)}")
    # isprintable() is ten times cheaper than the search, and true for nearly every name.
    if not name.isprintable() and (control := _CONTROL.search(name)):
        raise Refused(f"contains the control character U+{ord(control[0]):04X}")
    return name


def accept_type(name: str) -> str:
    """An action's type: 1-64 ASCII letters, digits, ``_ . : / $ -``, and spaces inside."""
    if not 1 <= len(name) <= MAX_TYPE_CHARS:
        raise Refused(f"must have 1 to {MAX_TYPE_CHARS} characters, has {len(name)}")
    if _TYPE.fullmatch(name) is None:
        raise Refused("may contain ASCII letters, digits, _ . : / $ - and spaces inside")
    return name


@lru_cache(maxsize=1_024)  # there are few types, and looking one up costs a fifth of checking it
def accept_type_as_json(name: str) -> bytes:
    """What ``accept_type`` answers, encoded."""
    return msgspec.json.encode(accept_type(name))


def accept_id(text: str) -> str:
    """An action's id: a UUID in RFC 9562's text form (any case, ``urn:uuid:`` allowed), kept in lower case."""
    match = _UUID.fullmatch(text)
    if match is None:
        raise Refused("must be a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91")
    return match[1].lower()


def accept_time(moment: datetime) -> tuple[datetime, int]:
    """An action's time: the moment in UTC and its original offset in minutes, east positive."""
    # The years decide nearly always, and comparing moments of different offsets takes a microsecond.
    if not 1970 < moment.year < 2199 and not EARLIEST_TIME <= moment < LATEST_TIME:
        raise Refused("must lie in the years 1970 to 2199 (UTC)")
    if moment.tzinfo is UTC:
        return moment, 0
    assert moment.tzinfo is not None  # noqa: S101 - msgspec refused naive times
    return moment.astimezone(UTC), _offset_minutes(moment.tzinfo)


def skew_ms(sent_at: datetime, received_at: datetime) -> int:
    """How far our clock is ahead of the client's, in milliseconds, the way through the network included."""
    accept_time(sent_at)
    return round((received_at - sent_at) / _MILLISECOND)


@lru_cache(maxsize=2 * 24 * 60)  # every offset there is; msgspec shares one tzinfo per offset
def _offset_minutes(zone: tzinfo) -> int:
    offset = zone.utcoffset(None)
    assert offset is not None  # noqa: S101 - a fixed offset, never a named zone
    return round(offset.total_seconds() / 60)


def accept_properties(raw: msgspec.Raw) -> msgspec.Raw:
    """An action's properties: a JSON object of at most 32 KB and 16 levels, kept byte for byte.

    msgspec passes a Raw on after checking its syntax, but neither its UTF-8 nor the range of its numbers; decoding it
    once more, into a type that ends after 16 levels, checks all three. Duplicate keys are kept as they are. Lone
    surrogates (``\\ud800``) are refused: msgspec, hence the sink, cannot read them.
    """
    size_bytes = len(raw)
    if size_bytes > MAX_PROPERTIES_BYTES:
        raise Refused(f"must have at most {MAX_PROPERTIES_BYTES} bytes, has {size_bytes}")
    _decode_properties(raw)
    return raw


def accept_all_properties(raws: Iterable[msgspec.Raw]) -> None:
    """Raise what ``accept_properties`` would for any of them: a tenth cheaper than as many calls."""
    for raw in raws:
        if len(raw) > MAX_PROPERTIES_BYTES:
            accept_properties(raw)
        _decode_properties(raw)


def _object_of(members: Any) -> Any:
    return dict[str, members]


def _one_level_deeper(inside: Any, _: int) -> Any:
    return _scalar | list[inside] | dict[str, inside]


_scalar: Any = None | bool | int | float | str
_members: Any = reduce(_one_level_deeper, range(MAX_PROPERTIES_DEPTH - 1), _scalar)
_decode_properties: Final[Callable[[msgspec.Raw], object]] = msgspec.json.Decoder(_object_of(_members)).decode

"""Reading one JSON object field by field, to name each that is wrong.

Its verdicts must be those of the strict decode in envelope.py: a property test holds the two together. They differ in
one case only: of a key that is given twice, the last value counts here, whatever the first was.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from producer_api import lone_surrogates
from producer_api.envelope import UNREADABLE
from producer_api.fields import (
    MAX_PROPERTIES_DEPTH,
    Refused,
    accept_id,
    accept_name,
    accept_properties,
    accept_time,
    accept_type,
)
from producer_api.reading import Invalid

MAX_UNKNOWN_PER_OBJECT: Final = 5  # more of them are one error, so that an answer cannot outgrow its request
MAX_SHOWN_CHARS: Final = 64

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MSGSPEC_PATH: Final = re.compile(r" - at `[^`]*`$")
_LEAP_SECOND: Final = re.compile(r"\d\d:\d\d:60")

_LONE_SURROGATE: Final = "a lone surrogate (\\ud800 to \\udfff without its other half)"
_CLEARER: Final = (
    ("Expected `bool", f"must be nested at most {MAX_PROPERTIES_DEPTH} levels deep"),
    ("out of range", "holds a number too large for a JSON reader"),
    ("Input data was truncated", "ends too early"),
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_string = msgspec.json.Decoder(str).decode
_time = msgspec.json.Decoder(datetime).decode


class Field(NamedTuple):
    """How one field is read; ``read`` raises one of UNREADABLE."""

    required: bool
    read: Callable[[msgspec.Raw], Any]


def _read_time(raw: msgspec.Raw) -> datetime:
    try:
        moment = _time(raw)
    except msgspec.ValidationError:
        text = _string(raw)  # a better reason, when it is not even a string
        if _LEAP_SECOND.search(text):
            raise Refused("must not be a leap second, which no clock here can keep: send second 59") from None
        raise Refused("must be an RFC 3339 date and time, such as 2018-10-18T21:37:30-06:00") from None
    if moment.tzinfo is None:
        raise Refused("must have an offset: 2018-10-18T21:37:30-06:00, or Z for UTC")
    accept_time(moment)
    return moment


ENVELOPE: Final[Mapping[str, Field]] = {
    "userId": Field(True, lambda raw: accept_name(_string(raw))),
    "sessionId": Field(True, lambda raw: accept_name(_string(raw))),
    "actions": Field(False, _items),
    "sentAt": Field(False, _read_time),
}
ACTION: Final[Mapping[str, Field]] = {
    "time": Field(True, _read_time),
    "type": Field(True, lambda raw: accept_type(_string(raw))),
    "properties": Field(False, accept_properties),
    "id": Field(False, lambda raw: accept_id(_string(raw))),
}


def read_object(
    data: bytes | msgspec.Raw,
    fields: Mapping[str, Field],
    path: str,
    action: int | None = None,
    *,
    suggest: bool = True,
) -> tuple[dict[str, Any], list[Invalid]]:
    """The valid members of one JSON object by name, and what is wrong with the others.

    action   its position, see Invalid
    suggest  whether unknown names are compared with the known ones; one costs up to 0.1 ms
    """
    try:
        members = _members(data)
    except UNREADABLE as error:
        return {}, [Invalid(action, path, reason_of(error), "malformed")]
    values: dict[str, Any] = {}
    errors: list[Invalid] = []
    unknown = list(_unknown(members, fields, path, action, suggest=suggest))
    for name, field in fields.items():
        if name in members:
            try:
                values[name] = field.read(members[name])
            except UNREADABLE as error:
                errors.append(Invalid(action, f"{path}.{name}", reason_of(error), name))
        elif field.required:
            # A misspelt field first: it explains the missing one, and often only the first error is looked at.
            errors += [invalid for meant, invalid in unknown if meant == name]
            errors.append(Invalid(action, f"{path}.{name}", "is required", name))
    errors += [invalid for _, invalid in unknown if invalid not in errors]
    return values, errors


def _unknown(
    members: Mapping[str, msgspec.Raw], fields: Mapping[str, Field], path: str, action: int | None, *, suggest: bool
) -> Iterator[tuple[str | None, Invalid]]:
    """Each unknown member, with the name of the field that was perhaps meant."""
    names = [name for name in members if name not in fields]
    for name in names[:MAX_UNKNOWN_PER_OBJECT]:
        shown = name if len(name) <= MAX_SHOWN_CHARS else name[:MAX_SHOWN_CHARS] + "…"
        step = f".{shown}" if _PLAIN_NAME.fullmatch(shown) else f"[{json.dumps(shown, ensure_ascii=False)}]"
        meant = _meant(shown, fields) if suggest else None
        reason = "is not a known field" + (f"; did you mean `{meant}`?" if meant else "")
        yield meant, Invalid(action, path + step, reason, "unknown")
    if len(names) > MAX_UNKNOWN_PER_OBJECT:
        more = f"has {len(names) - MAX_UNKNOWN_PER_OBJECT} more unknown fields"
        yield None, Invalid(action, path, more, "unknown")


def _meant(name: str, fields: Mapping[str, Field]) -> str | None:
    folded = {known.lower(): known for known in fields}
    close = difflib.get_close_matches(name.replace("_", "").lower(), folded, n=1)
    return folded[close[0]] if close else None


def reason_of(error: BaseException) -> str:
    """The reason in people's words, without msgspec's own path: ours stands beside it."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return f"holds {_LONE_SURROGATE}" if lone_surrogates.is_at(error) else f"is not UTF-8: {error.reason}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    message = _MSGSPEC_PATH.sub("", str(error))
    for start, reason in _CLEARER:
        if start in message:
            return reason
    return message[0].lower() + message[1:] if message.startswith("Expected") else message

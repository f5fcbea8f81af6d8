"""Reading a refused body once more, field by field, to name every wrong field and to keep the valid actions.

Its verdicts must be those of the strict decode in envelope.py: a property test holds the two together.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from contract.record import ActionRecord
from producer_api.envelope import UNREADABLE, Action, Invalid, Reading, accept_count, read_strictly, to_record
from producer_api.fields import (
    MAX_PROPERTIES_DEPTH,
    Refused,
    accept_id,
    accept_name,
    accept_properties,
    accept_time,
    accept_type,
)

MAX_UNKNOWN_PER_OBJECT: Final = 5  # more of them are one error, so that an answer cannot outgrow its request
MAX_SHOWN_CHARS: Final = 64
_SUGGESTIONS_PER_REQUEST: Final = 100  # one costs up to 0.1 ms

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MSGSPEC_PATH: Final = re.compile(r" - at `([^`]*)`$")

_LONE_SURROGATE: Final = "a lone surrogate (\\ud800 to \\udfff without its other half)"
_CLEARER: Final = (
    ("Expected `bool", f"must be nested at most {MAX_PROPERTIES_DEPTH} levels deep"),
    ("out of range", "holds a number too large for a JSON reader"),
    ("surrogate", f"holds {_LONE_SURROGATE}"),
    ("unexpected end of hex escape", f"holds {_LONE_SURROGATE}"),
    ("Input data was truncated", f"ends too early, or holds {_LONE_SURROGATE}"),
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
        _string(raw)  # a better reason, when it is not even a string
        raise Refused("must be an RFC 3339 date and time, such as 2018-10-18T21:37:30-06:00") from None
    if moment.tzinfo is None:
        raise Refused("must have an offset: 2018-10-18T21:37:30-06:00, or Z for UTC")
    accept_time(moment)
    return moment


_ENVELOPE: Final[Mapping[str, Field]] = {
    "userId": Field(True, lambda raw: accept_name(_string(raw))),
    "sessionId": Field(True, lambda raw: accept_name(_string(raw))),
    "actions": Field(False, _items),
}
_ACTION: Final[Mapping[str, Field]] = {
    "time": Field(True, _read_time),
    "type": Field(True, lambda raw: accept_type(_string(raw))),
    "properties": Field(False, accept_properties),
    "id": Field(False, lambda raw: accept_id(_string(raw))),
}


def read(body: bytes, received_at: datetime, *, max_actions: int) -> Reading:
    """The records of the body's valid actions, and its errors: all of them, whether few or many."""
    try:
        return Reading(read_strictly(body, received_at, max_actions=max_actions))
    except UNREADABLE as error:
        reading = _read_each(body, received_at, max_actions)
        if reading.errors:
            return reading
        # A key given twice, wrong at first and right at last: only the strict decode looks at both.
        where = _MSGSPEC_PATH.search(str(error))
        return Reading((), [Invalid(None, where[1] if where else "$", _reason(error))])


def _read_each(body: bytes, received_at: datetime, max_actions: int) -> Reading:
    errors: list[Invalid] = []
    envelope = _read_object(body, _ENVELOPE, "$", None, errors)
    actions = envelope.get("actions", [])
    try:
        accept_count(len(actions), max_actions)
    except Refused as error:
        return Reading((), [*errors, Invalid(None, "$.actions", str(error))])
    if errors:
        envelope = {"userId": "?", "sessionId": "?"}  # no record will come of it; the actions' errors still count
    read = [_read_action(raw, i, envelope, received_at, errors) for i, raw in enumerate(actions)]
    if any(error.action is None for error in errors):
        return Reading((), errors)
    return Reading([record for record in read if record is not None], errors)


def _read_action(
    raw: msgspec.Raw, index: int, envelope: Mapping[str, str], received_at: datetime, errors: list[Invalid]
) -> ActionRecord | None:
    before = len(errors)
    values = _read_object(raw, _ACTION, f"$.actions[{index}]", index, errors)
    if len(errors) > before:
        return None
    action = Action(
        time=values["time"],
        type=values["type"],
        properties=values.get("properties", msgspec.Raw(b"{}")),
        id=values.get("id", UNSET),
    )
    return to_record(action, envelope["userId"], envelope["sessionId"], received_at)


def _read_object(
    data: bytes | msgspec.Raw, fields: Mapping[str, Field], path: str, action: int | None, errors: list[Invalid]
) -> dict[str, Any]:
    """The valid members of one JSON object; what is wrong with the others is added to ``errors``."""
    try:
        members = _members(data)
    except UNREADABLE as error:
        errors.append(Invalid(action, path, _reason(error)))
        return {}
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in members:
            try:
                values[name] = field.read(members[name])
            except UNREADABLE as error:
                errors.append(Invalid(action, f"{path}.{name}", _reason(error)))
        elif field.required:
            errors.append(Invalid(action, f"{path}.{name}", "is required"))
    errors.extend(_unknown(members, fields, path, action, suggest=len(errors) < _SUGGESTIONS_PER_REQUEST))
    return values


def _unknown(
    members: Mapping[str, msgspec.Raw], fields: Mapping[str, Field], path: str, action: int | None, *, suggest: bool
) -> Iterator[Invalid]:
    names = [name for name in members if name not in fields]
    for name in names[:MAX_UNKNOWN_PER_OBJECT]:
        shown = name if len(name) <= MAX_SHOWN_CHARS else name[:MAX_SHOWN_CHARS] + "…"
        step = f".{shown}" if _PLAIN_NAME.fullmatch(shown) else f"[{json.dumps(shown, ensure_ascii=False)}]"
        yield Invalid(action, path + step, "is not a known field" + (_suggestion(shown, fields) if suggest else ""))
    if len(names) > MAX_UNKNOWN_PER_OBJECT:
        yield Invalid(action, path, f"has {len(names) - MAX_UNKNOWN_PER_OBJECT} more unknown fields")


def _suggestion(name: str, fields: Mapping[str, Field]) -> str:
    folded = {known.lower(): known for known in fields}
    close = difflib.get_close_matches(name.replace("_", "").lower(), folded, n=1)
    return f"; did you mean `{folded[close[0]]}`?" if close else ""


def _reason(error: BaseException) -> str:
    """The reason in people's words, without msgspec's own path: ours stands beside it."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8: {error.reason}"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    message = _MSGSPEC_PATH.sub("", str(error))
    for start, reason in _CLEARER:
        if start in message:
            return reason
    return message[0].lower() + message[1:] if message.startswith("Expected") else message

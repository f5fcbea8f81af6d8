"""Groups: by what actions are counted apart, as SQL and as it is answered."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from query_api.filtering.conditions import Conditions, property_path
from query_api.filtering.filter_parameters import read_path
from query_api.filtering.filters import Scope

MOST: Final = 3
_COLUMNS: Final = {"type": "type", "userId": "user_id", "sessionId": "session_id"}
_PREFIX: Final = "properties."
_LISTED: Final = re.compile(r"((?:\\.|[^\\,])+)(?:,|$)", re.DOTALL)
_any_json: Final = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class Group:
    """A column, or a property when there is a path; ``written`` is how the request names it."""

    written: str
    path: tuple[str, ...] = ()

    def sql(self, conditions: Conditions) -> str:
        """A string, never NULL: where the property is missing or null, it is empty.

        A property's value is the JSON text that ClickHouse writes of it, in which 1.0 and 1 are the same.
        """
        if not self.path:
            return _COLUMNS[self.written]
        raw = f"JSONExtractRaw({property_path(conditions, self.path)})"
        return f"multiIf({raw} = 'null', '', {raw} = '-0', '0', {raw})"

    def answered(self, key: str) -> Any:
        """The key as a member of the answer: a text, or any JSON value of a property."""
        if not self.path:
            return key
        if not key:
            return None
        try:
            return _any_json.decode(key.encode())
        except (msgspec.DecodeError, RecursionError):
            return key


def parse_groups(scope: Scope, text: str) -> tuple[Group, ...]:
    """``type,properties.page``; a comma in a property's name is written ``\\,``. Raises ValueError."""
    names = _LISTED.findall(text)
    if ",".join(names) != text:
        raise ValueError("write names with commas between them, and \\, for a comma in a name")
    return tuple(_group(name, scope) for name in names)


def parse_property(scope: Scope, text: str) -> tuple[str, ...]:
    """``properties.<path>`` → its members; raises ValueError."""
    if not text.startswith(_PREFIX):
        raise ValueError("name a property: properties.<path>")
    return read_path(text.removeprefix(_PREFIX), scope)


def _group(name: str, scope: Scope) -> Group:
    if name in _COLUMNS:
        return Group(name)
    if not name.startswith(_PREFIX):
        raise ValueError(f"{name[:100]!r} is none of {', '.join(_COLUMNS)}, properties.<path>")
    return Group(name, parse_property(scope, name))

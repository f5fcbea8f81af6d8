"""Hidden properties: what a key must not see is taken out of the answers, in SQL and in Python alike.

Only members of the outermost object are hidden, with all they hold. Names are compared as they are meant, not as they
are written: ``"\\u0065mail"`` is ``email``. Who may see all gets the client's bytes; who may not, the same members
written anew. Where the properties cannot be read as a JSON object, nothing of them is shown.
"""

from typing import Final

import msgspec

from query_api.filtering.conditions import Conditions
from query_api.filtering.filters import Scope

_NOTHING: Final = "{}"
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def column(conditions: Conditions, scope: Scope) -> str:
    """The expression to SELECT in the place of the column ``properties``."""
    if not scope.hidden_properties:
        return "properties"
    hidden = ", ".join(conditions.bind("hidden", "String", name) for name in scope.hidden_properties)
    shown = f"arrayFilter(member -> member.1 NOT IN ({hidden}), JSONExtractKeysAndValuesRaw(properties))"
    written = f"arrayMap(member -> concat(toJSONString(member.1), ':', member.2), {shown})"
    return f"concat('{{', arrayStringConcat({written}, ','), '}}')"


def without(properties: str, scope: Scope) -> str:
    """The same of one action's properties."""
    if not scope.hidden_properties:
        return properties
    try:
        members = _members.decode(properties)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _NOTHING
    return _encoder.encode({name: raw for name, raw in members.items() if name not in scope.hidden_properties}).decode()

"""Matching: whether a record of the topic meets the filters; the same as ``conditions`` says it in SQL.

A document that ClickHouse's parser refuses as a whole has no properties here either: one with a number that no 64-bit
integer and no double holds, half of a surrogate pair, or objects some thousand deep. Of members of one name the first
counts, as it does there. tests/integration/query_api/test_matching.py compares the two over generated values.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from contract.record import ActionRecord
from query_api.filtering.conditions import as_number
from query_api.filtering.filters import Filters, Operator, PropertyCondition
from query_api.filtering.moments import to_us

_MISSING: Final = object()
_INTEGERS: Final = range(-(2**63), 2**64)
_MAX_DIGITS: Final = 20
# Group 1: half of a surrogate pair; the alternative before it takes whole pairs, the one after it all other escapes.
_ESCAPES: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_COMPARED: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}


def matches(filters: Filters, record: ActionRecord) -> bool:
    """Whether the filters, and the scope in them, hold for the record."""
    scope = filters.scope
    return (
        _among(record.user_id, scope.user_ids)
        and _among(record.user_id, filters.user_ids)
        and _among(record.type, scope.types)
        and _among(record.type, filters.types)
        and _among(record.session_id, filters.session_ids)
        and record.user_id not in filters.not_user_ids
        and record.session_id not in filters.not_session_ids
        and record.type not in filters.not_types
        and _within(to_us(record.time), filters.lower_us, filters.upper_us)
        and (not filters.properties or _all_hold(filters.properties, read_document(bytes(record.properties))))
    )


def read_document(properties: bytes) -> Mapping[str, Any]:
    """The properties as ClickHouse reads them; none when it cannot."""
    try:
        text = properties.decode()
        if any(escape[1] for escape in _ESCAPES.finditer(text)):
            return {}
        read = json.loads(
            text, parse_int=_integer, parse_float=_double, parse_constant=_no_number, object_pairs_hook=_first_of_each
        )
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _among(value: str, wanted: Sequence[str]) -> bool:
    return not wanted or value in wanted


def _within(time_us: int, lower_us: int | None, upper_us: int | None) -> bool:
    return (lower_us is None or lower_us <= time_us) and (upper_us is None or time_us < upper_us)


def _all_hold(conditions: Sequence[PropertyCondition], document: Mapping[str, Any]) -> bool:
    return all(_holds(condition, _found(document, condition.path)) for condition in conditions)


def _found(document: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = document
    for member in path:
        if not isinstance(value, dict):
            return _MISSING
        value = value.get(member, _MISSING)
    return value


def _holds(condition: PropertyCondition, found: Any) -> bool:
    match condition.operator:
        case Operator.EXISTS:
            return (found is not _MISSING) == (condition.values == ("true",))
        case Operator.CONTAINS:
            return isinstance(found, str) and any(value in found for value in condition.values)
        case Operator.EQ:
            return any(_equal(found, value) for value in condition.values)
        case Operator.NE:
            return not any(_equal(found, value) for value in condition.values)
        case _:
            return any(_ordered(_COMPARED[condition.operator], found, value) for value in condition.values)


def _equal(found: Any, value: str) -> bool:
    """The string itself, or the number, true, false or null that the text says."""
    if isinstance(found, str):
        return found == value
    if isinstance(found, bool):
        return value == ("true" if found else "false")
    if found is None:
        return value == "null"
    return _is_number(found) and float(found) == as_number(value)


def _ordered(compare: Callable[[Any, Any], bool], found: Any, value: str) -> bool:
    """Numbers by their size, when the value is one; else strings by their bytes."""
    if (number := as_number(value)) is not None:
        return _is_number(found) and compare(float(found), number)
    return isinstance(found, str) and compare(found.encode(), value.encode())


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or int(text) not in _INTEGERS:
        raise ValueError("no 64-bit integer")
    return int(text)


def _double(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("no double")
    return number


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _first_of_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(members))

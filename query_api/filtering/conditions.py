"""Conditions: filters as SQL. Values become bound parameters; column names and functions come from here alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from query_api.filtering.filters import Filters, Operator, PropertyCondition
from query_api.paging.windows import Window
from query_api.query import Value

_MICROSECONDS: Final = "fromUnixTimestamp64Micro({}, 'UTC')"
_NUMBERS: Final = "('Int64', 'UInt64', 'Double')"
_COMPARED: Final = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}


@dataclass(slots=True)
class Conditions:
    """Conditions gathered for one query, and the values they bind."""

    parameters: dict[str, Value] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)

    def bind(self, name: str, kind: str, value: Value) -> str:
        """A placeholder ``{name:kind}`` for the value; the name gets a number when it is taken by another value."""
        free, number = name, 1
        while free in self.parameters and self.parameters[free] != value:
            number += 1
            free = f"{name}_{number}"
        self.parameters[free] = value
        return f"{{{free}:{kind}}}"

    def add(self, text: str) -> None:
        self.texts.append(text)

    def where(self) -> str:
        """The WHERE line with its newline, or nothing."""
        return f"WHERE {' AND '.join(self.texts)}\n" if self.texts else ""


def of(filters: Filters, window: Window | None = None) -> Conditions:
    """All that the filters ask for, within the window instead of their whole span when one is given."""
    conditions = Conditions()
    scope = filters.scope
    for column, wanted in (
        ("user_id", scope.user_ids),
        ("type", scope.types),
        ("user_id", filters.user_ids),
        ("session_id", filters.session_ids),
        ("type", filters.types),
    ):
        _among(conditions, column, wanted, ("=", "IN"))
    for column, unwanted in (
        ("user_id", filters.not_user_ids),
        ("session_id", filters.not_session_ids),
        ("type", filters.not_types),
    ):
        _among(conditions, column, unwanted, ("!=", "NOT IN"))
    _bound_time(conditions, window or Window(filters.lower_us, filters.upper_us))
    for condition in filters.properties:
        conditions.add(_property(conditions, condition))
    return conditions


def moment(conditions: Conditions, name: str, time_us: int) -> str:
    """A DateTime64(6) from microseconds since 1970, bound."""
    return _MICROSECONDS.format(conditions.bind(name, "Int64", time_us))


def property_path(conditions: Conditions, path: Sequence[str]) -> str:
    """The arguments of a JSON function for a path: ``properties, {path:String}, …``."""
    return ", ".join(["properties", *(conditions.bind("path", "String", member) for member in path)])


def _among(conditions: Conditions, column: str, values: Sequence[str], signs: tuple[str, str]) -> None:
    """``signs``: against one value, and against several."""
    one, several = signs
    if len(values) == 1:
        conditions.add(f"{column} {one} {conditions.bind(column, 'String', values[0])}")
    elif values:
        listed = ", ".join(conditions.bind(column, "String", value) for value in values)
        conditions.add(f"{column} {several} ({listed})")


def _bound_time(conditions: Conditions, window: Window) -> None:
    """Bound the time, and the hour with it: the table's key begins with the hour and prunes by nothing else."""
    if window.lower_us is not None:
        lower = conditions.bind("lower_us", "Int64", window.lower_us)
        conditions.add(f"time >= {_MICROSECONDS.format(lower)}")
        conditions.add(f"hour >= intDiv({lower}, 3600000000)")
    if window.upper_us is not None:
        upper = conditions.bind("upper_us", "Int64", window.upper_us)
        conditions.add(f"time < {_MICROSECONDS.format(upper)}")
        conditions.add(f"hour <= intDiv({upper} - 1, 3600000000)")


def _property(conditions: Conditions, condition: PropertyCondition) -> str:
    """One condition in parentheses. ``matching`` says the same in Python.

    JSONExtractString makes a text of a number, an array, an object as well, so each comparison asks for the type; after
    the comparison, because then ClickHouse parses again only where it holds.
    """
    path = property_path(conditions, condition.path)
    match condition.operator:
        case Operator.EXISTS:
            exists = f"JSONHas({path})"
            return exists if condition.values == ("true",) else f"NOT {exists}"
        case Operator.CONTAINS:
            tests = [_contains(conditions, path, value) for value in condition.values]
        case Operator.EQ | Operator.NE:
            tests = [_equal(conditions, path, value) for value in condition.values]
        case _:
            sign = _COMPARED[condition.operator]
            tests = [_ordered(conditions, path, sign, value) for value in condition.values]
    joined = f"({' OR '.join(tests)})"
    return f"NOT {joined}" if condition.operator is Operator.NE else joined


def _equal(conditions: Conditions, path: str, value: str) -> str:
    """The string itself, or the number, true, false or null that the text says."""
    text = _string(conditions, path, "=", value)
    if value in {"true", "false"}:
        return f"({text} OR JSONExtractBool({path}) = {value} AND JSONType({path}) = 'Bool')"
    if value == "null":
        return f"({text} OR JSONHas({path}) AND JSONType({path}) = 'Null')"  # which it also says of what is not there
    if (number := as_number(value)) is not None:
        return f"({text} OR {_number(conditions, path, '=', number)})"
    return f"({text})"


def _ordered(conditions: Conditions, path: str, sign: str, value: str) -> str:
    """Numbers by their size, when the value is one; else strings by their bytes, as ISO 8601 times need it."""
    if (number := as_number(value)) is not None:
        return f"({_number(conditions, path, sign, number)})"
    return f"({_string(conditions, path, sign, value)})"


def _contains(conditions: Conditions, path: str, value: str) -> str:
    return f"(position(JSONExtractString({path}), {_text(conditions, value)}) > 0 AND JSONType({path}) = 'String')"


def _string(conditions: Conditions, path: str, sign: str, value: str) -> str:
    return f"JSONExtractString({path}) {sign} {_text(conditions, value)} AND JSONType({path}) = 'String'"


def _number(conditions: Conditions, path: str, sign: str, number: float) -> str:
    bound = conditions.bind("number", "Float64", number)
    return f"JSONExtractFloat({path}) {sign} {bound} AND JSONType({path}) IN {_NUMBERS}"


def _text(conditions: Conditions, value: str) -> str:
    return conditions.bind("text", "String", value)


def as_number(text: str) -> float | None:
    """The number that a JSON number says, rounded to a double; None for anything else."""
    try:
        number = msgspec.json.decode(text, type=float)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return number if math.isfinite(number) and text.strip() == text else None  # white space around it would be JSON

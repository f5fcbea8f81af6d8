"""The filters in a query string: what all reading routes have in common."""

import re
from datetime import UTC, datetime
from typing import Final

from query_api.filtering.filters import EVERYTHING, Filters, Operator, PropertyCondition, Scope
from query_api.filtering.moments import Moment, parse_moment, to_us
from query_api.filtering.query_string import QueryString

NOT_TYPE: Final = "type[ne]"
NAMES: Final = ("userId", "sessionId", "type", "userId[ne]", "sessionId[ne]", NOT_TYPE, "startTime", "endTime")
PREFIXES: Final = ("properties.",)
MAX_PATH: Final = 16  # members; as deep as an accepted action's properties may be
_OPERATORS: Final = ", ".join(f"[{operator}]" for operator in Operator)
_PROPERTY: Final = re.compile(r"properties\.(?P<path>.*?)(?:\[(?P<operator>[^\]\[]*)\])?", re.DOTALL).fullmatch
_MEMBER: Final = re.compile(r"(?:\\.|[^\\.])+", re.DOTALL)
_PATH: Final = re.compile(rf"{_MEMBER.pattern}(?:\.{_MEMBER.pattern})*", re.DOTALL).fullmatch
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def read_filters(query: QueryString, scope: Scope = EVERYTHING) -> Filters:
    """The filters; what is wrong with them is left in ``query``. Relative times count from now."""
    now_us = to_us(datetime.now(UTC))
    start = query.read("startTime", parse_moment)
    end = query.read("endTime", parse_moment)
    filters = Filters(
        user_ids=query.read_all("userId", str),
        session_ids=query.read_all("sessionId", str),
        types=query.read_all("type", str),
        start_us=None if start is None else start.at(now_us),
        end_us=None if end is None else end.at(now_us),
        properties=tuple(_read_properties(query, scope)),
        scope=scope,
        relative=(_relative(start), _relative(end)),
        not_user_ids=query.read_all("userId[ne]", str),
        not_session_ids=query.read_all("sessionId[ne]", str),
        not_types=query.read_all(NOT_TYPE, str),
    )
    start_us, end_us = filters.start_us, filters.end_us
    # A cursor brings the first page's bounds: here a relative one may have moved past the other since.
    if start_us is not None and end_us is not None and start_us >= end_us and not query.has("cursor"):
        query.refuse("startTime", "not before endTime; the range is startTime <= time < endTime")
    return filters


def read_path(text: str, scope: Scope = EVERYTHING) -> tuple[str, ...]:
    """``a.b`` → the members ("a", "b"); a backslash takes a dot literally. Raises ValueError with the reason."""
    if not _PATH(text):
        raise ValueError("name a property: properties.<path>, with a dot between members and \\. for a dot in a name")
    members = [_ESCAPED.sub(r"\1", member) for member in _MEMBER.findall(text)]
    if len(members) > MAX_PATH:
        raise ValueError(f"deeper than {MAX_PATH} members")
    if members[0] in scope.hidden_properties:
        raise ValueError("this key may not see the property")
    return tuple(members)


def _read_properties(query: QueryString, scope: Scope) -> list[PropertyCondition]:
    conditions = []
    for name in query.names_after("properties."):
        try:
            path, operator = _parse_name(name, scope)
        except ValueError as error:
            query.refuse(name, str(error))
            continue
        parse = _true_or_false if operator is Operator.EXISTS else str
        values = query.read_all(name, parse, empty=operator in {Operator.EQ, Operator.NE})
        if operator is Operator.EXISTS and len(values) > 1:
            query.refuse(name, "both true and false")
        conditions.append(PropertyCondition(path, operator, values))
    return conditions


def _parse_name(name: str, scope: Scope) -> tuple[tuple[str, ...], Operator]:
    found = _PROPERTY(name)
    if found is None:
        raise ValueError(
            f"write properties.<path>=value or properties.<path>[op]=value; the operators are {_OPERATORS}"
        )
    operator = found["operator"]
    if operator is not None and operator not in list(Operator):
        raise ValueError(f"unknown operator [{operator}]; known are {_OPERATORS}")
    return read_path(found["path"], scope), Operator(operator or "eq")


def _true_or_false(text: str) -> str:
    if text not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return text


def _relative(moment: Moment | None) -> str:
    return moment.written if moment is not None and moment.relative else ""

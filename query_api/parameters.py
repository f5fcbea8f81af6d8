"""The query string of GET /log → a PageRequest; every refusal names its parameter."""

import difflib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from kit.problem import FieldError, Problem
from query_api.cursor import Cursors, Position
from query_api.filters import Filters
from query_api.moments import parse_us

NAMES: Final = ("userId", "type", "startTime", "endTime", "limit", "cursor")
MAX_VALUE_CHARS: Final = 1024  # above what any of them can be; the rest of a longer one is not looked at
MAX_PARAMETERS: Final = 100
_NUMBER: Final = re.compile(r"[0-9]{1,9}").fullmatch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page: the filters, where it begins (None: at the newest) and how many actions it may hold."""

    filters: Filters
    limit: int
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The page's size: when the request names none, and at most."""

    default: int
    most: int


def parse(query: bytes, limits: Limits, cursors: Cursors) -> PageRequest:
    """The request in a raw query string; raises a Problem (400) that lists every wrong parameter."""
    reader = _Reader(_pairs(query))
    filters = Filters(
        user_id=reader.read("userId", str),
        type=reader.read("type", str),
        start_us=reader.read("startTime", parse_us),
        end_us=reader.read("endTime", parse_us),
    )
    if filters.start_us is not None and filters.end_us is not None and filters.start_us >= filters.end_us:
        reader.refuse("startTime", "not before endTime; the range is startTime <= time < endTime")
    limit = reader.read("limit", lambda text: _limit(text, limits))
    # The cursor is judged by the filters, so only when they are right.
    position = None if reader.errors else reader.read("cursor", lambda text: cursors.decode(text, filters))
    reader.raise_errors()
    return PageRequest(filters, limits.default if limit is None else limit, position)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS, separator="&"
        )
    except UnicodeDecodeError as error:
        raise _bad_query("not UTF-8") from error
    except ValueError as error:
        raise _bad_query(f"more than {MAX_PARAMETERS} parameters") from error


def _bad_query(reason: str) -> Problem:
    return Problem(400, "invalid-request", f"The query string is wrong: {reason}.")


def _limit(text: str, limits: Limits) -> int:
    if not _NUMBER(text) or not 1 <= int(text) <= limits.most:
        raise ValueError(f"not a whole number from 1 to {limits.most}")
    return int(text)


class _Reader:
    """The parameters by name, and what is wrong with them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.errors: list[FieldError] = []
        self._values = dict(pairs)
        for name, times in Counter(name for name, _ in pairs).items():
            if name not in NAMES:
                self._refuse_unknown(name)
            elif times > 1:
                self.refuse(name, f"given {times} times; give it once")
                del self._values[name]

    def read(self, name: str, parse_value: Callable[[str], T]) -> T | None:
        text = self._values.get(name)
        if text is None:
            return None
        try:
            return parse_value(_checked(text))
        except ValueError as error:  # MomentError and CursorError are such
            self.refuse(name, str(error))
            return None

    def refuse(self, name: str, reason: str) -> None:
        self.errors.append(FieldError(path=name, reason=reason))

    def raise_errors(self) -> None:
        if self.errors:
            detail = "; ".join(f"{error['path']}: {error['reason']}" for error in self.errors)
            raise Problem(400, "invalid-request", detail, errors=self.errors)

    def _refuse_unknown(self, name: str) -> None:
        by_lower = {known.lower(): known for known in NAMES}
        shown = name[:MAX_VALUE_CHARS]
        close = difflib.get_close_matches(shown.lower().replace("_", ""), by_lower, n=1)
        hint = f"did you mean {by_lower[close[0]]}?" if close else f"known are {', '.join(NAMES)}"
        self.refuse(shown, f"unknown parameter; {hint}")


def _checked(text: str) -> str:
    if not text:
        raise ValueError("empty; leave the parameter out instead")
    if len(text) > MAX_VALUE_CHARS:
        raise ValueError(f"longer than {MAX_VALUE_CHARS} characters")
    return text

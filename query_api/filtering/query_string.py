"""The query string: parameters by name, and every refusal names its parameter."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from kit.problem import FieldError, Problem

MAX_VALUE_CHARS: Final = 1024  # above what any of them can be; the rest of a longer one is not looked at
MAX_PARAMETERS: Final = 100
# Of every route that reads what is stored, and longer than other values: query_api/live/receipts.py reads it.
AFTER: Final = "after"

T = TypeVar("T")


class QueryString:
    """Reads parameters one by one, gathers what is wrong with them, and raises it all at once.

    query     the raw query string
    names     parameters of this route; any other is refused, with the one that was meant
    prefixes  beginnings of names whose rest the client chooses (``properties.``)
    after     None on a route that waits for no receipt
    """

    def __init__(
        self, query: bytes, names: Sequence[str], prefixes: Sequence[str] = (), *, after: str | None = AFTER
    ) -> None:
        self.errors: list[FieldError] = []
        self._names = names
        self._values: dict[str, list[str]] = {}
        for name, value in _pairs(query):
            self._values.setdefault(name, []).append(value)
        for name in self._values:
            if name not in names and name != after and not name.startswith(tuple(prefixes)):
                self._refuse_unknown(name)

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """One parameter's value; None when it is absent or wrong. ``parse`` raises ValueError with the reason."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            self.refuse(name, f"given {len(values)} times; give it once")
            return None
        return next(iter(self.read_all(name, parse)), None)

    def read_all(self, name: str, parse: Callable[[str], T], *, empty: bool = False) -> tuple[T, ...]:
        """All values of a parameter that may be repeated, in order, each once; wrong ones are left out.

        empty   whether the empty text is a value
        """
        if name not in self._values:
            return ()
        read: dict[T, None] = {}
        for text in self._values[name]:
            try:
                read[parse(_checked(text, empty=empty))] = None
            except ValueError as error:  # MomentError and CursorError are such
                self.refuse(name, str(error))
        return tuple(read)

    def has(self, name: str) -> bool:
        """Whether the parameter is given, right or wrong."""
        return name in self._values

    def flag(self, name: str) -> bool:
        """``name=true`` or ``false``; absent is false."""
        return self.read(name, _flag) or False

    def names_after(self, prefix: str) -> Iterable[str]:
        """The given parameters that begin with the prefix, in order."""
        return [name for name in self._values if name.startswith(prefix)]

    def refuse(self, name: str, reason: str) -> None:
        self.errors.append(FieldError(path=name[:MAX_VALUE_CHARS], reason=reason))

    def raise_errors(self) -> None:
        """Raises a Problem (400) that lists every wrong parameter, if one is."""
        if self.errors:
            detail = "; ".join(f"{error['path']}: {error['reason']}" for error in self.errors)
            raise Problem(400, "invalid-request", detail, errors=self.errors)

    def _refuse_unknown(self, name: str) -> None:
        by_lower = {known.lower(): known for known in self._names}
        close = difflib.get_close_matches(name[:MAX_VALUE_CHARS].lower().replace("_", ""), by_lower, n=1)
        known = f"known are {', '.join(self._names)}" if self._names else "this route has none"
        hint = f"did you mean {by_lower[close[0]]}?" if close else known
        self.refuse(name, f"unknown parameter; {hint}")


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


def _checked(text: str, *, empty: bool) -> str:
    if not text and not empty:
        raise ValueError("empty; leave the parameter out instead")
    if len(text) > MAX_VALUE_CHARS:
        raise ValueError(f"longer than {MAX_VALUE_CHARS} characters")
    return text


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return text == "true"


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers within the bounds, both included."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise ValueError(f"not a whole number from {least} to {most}")
        return int(text)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser of one of the choices."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"none of {', '.join(choices)}")
        return text

    return parse

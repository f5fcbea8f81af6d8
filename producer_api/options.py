"""The query string of POST /log."""

import difflib
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from kit.problem import FieldError, Problem

_MAX_PARAMETERS: Final = 20
_MAX_SHOWN_CHARS: Final = 64
# `key` is the gate's: see gate.py.
_NAMES: Final = ("atomic", "dryRun", "key")
_BOOLEANS: Final = {"true": True, "false": False}


class Options(NamedTuple):
    """How a request is to be treated.

    atomic   all of its actions are accepted, or none
    dry_run  only say what would happen
    """

    atomic: bool = False
    dry_run: bool = False


DEFAULT: Final = Options()


def read_options(query: bytes) -> Options:
    """The options in a raw query string; raises Problem (400) that names every wrong parameter."""
    if not query:
        return DEFAULT
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise _invalid([FieldError(path="?", reason=f"has more than {_MAX_PARAMETERS} parameters")]) from None
    errors = [error for name, value in pairs if (error := _error(name, value))]
    values = dict(pairs)
    if len(values) < len(pairs):
        errors.append(FieldError(path="?", reason="names a parameter twice"))
    if errors:
        raise _invalid(errors)
    return Options(_BOOLEANS[values.get("atomic", "false")], _BOOLEANS[values.get("dryRun", "false")])


def _error(name: str, value: str) -> FieldError | None:
    if name not in _NAMES:
        close = difflib.get_close_matches(name[:_MAX_SHOWN_CHARS].replace("_", ""), _NAMES, n=1)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        return FieldError(path=name[:_MAX_SHOWN_CHARS], reason="is not a known parameter" + hint)
    if name != "key" and value not in _BOOLEANS:
        return FieldError(path=name, reason="must be true or false")
    return None


def _invalid(errors: list[FieldError]) -> Problem:
    detail = "; ".join(f"{error['path']}: {error['reason']}" for error in errors)
    return Problem(400, "invalid-request", detail, errors=errors)

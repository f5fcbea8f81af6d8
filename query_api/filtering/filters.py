"""Filters: which actions a request asks for, and the scope of the key it came with."""

import enum
import hashlib
from dataclasses import dataclass, fields, replace
from typing import Final

import msgspec


class Operator(enum.StrEnum):
    """How ``properties.<path>[operator]=value`` compares; docs/querying.md says it for people."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EXISTS = "exists"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class PropertyCondition:
    """A condition on one property.

    path        the members' names from the outermost object inwards
    values      any of them is enough; with NE none of them may be; EXISTS has one, "true" or "false"
    """

    path: tuple[str, ...]
    operator: Operator
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key may see: conditions that hold beside the request's own. The default is everything.

    user_ids, types         any of them; empty: all
    start_us, end_us        microseconds since 1970: start_us <= time < end_us
    hidden_properties       members of ``properties`` that are neither answered nor compared
    relative                the start and the end as they were written, where relative to now; else empty
    """

    user_ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    start_us: int | None = None
    end_us: int | None = None
    hidden_properties: tuple[str, ...] = ()
    relative: tuple[str, str] = ("", "")

    def written(self) -> "Scope":
        """Without the bounds that move with the clock."""
        if not any(self.relative):
            return self
        start_us, end_us = _unless_relative(self)
        return replace(self, start_us=start_us, end_us=end_us)


EVERYTHING = Scope()
_EXCLUSIONS: Final = frozenset({"not_user_ids", "not_session_ids", "not_types"})


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that all hold.

    user_ids, session_ids, types    any of them; empty: all
    start_us, end_us                microseconds since 1970: start_us <= time < end_us; None is unbounded
    relative                        startTime and endTime as they were written, where relative (``-15m``); else empty
    not_user_ids, …                 none of them
    """

    user_ids: tuple[str, ...] = ()
    session_ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    start_us: int | None = None
    end_us: int | None = None
    properties: tuple[PropertyCondition, ...] = ()
    scope: Scope = EVERYTHING
    relative: tuple[str, str] = ("", "")
    not_user_ids: tuple[str, ...] = ()
    not_session_ids: tuple[str, ...] = ()
    not_types: tuple[str, ...] = ()

    def fingerprint(self) -> bytes:
        """16 bytes that tell these filters from others; a relative time counts as it was written, not by the clock."""
        start_us, end_us = _unless_relative(self)
        written = {"start_us": start_us, "end_us": end_us, "scope": self.scope.written()}
        # What is not excluded is left out, as before there were exclusions: cursors outlive an upgrade.
        values = {name: getattr(self, name) for name in _NAMES} | written
        told = {name: value for name, value in values.items() if value or name not in _EXCLUSIONS}
        return hashlib.blake2b(msgspec.json.encode(told), digest_size=16).digest()

    @property
    def lower_us(self) -> int | None:
        """The later of the request's and the scope's starts."""
        return max((us for us in (self.start_us, self.scope.start_us) if us is not None), default=None)

    @property
    def upper_us(self) -> int | None:
        """The earlier of the request's and the scope's ends."""
        return min((us for us in (self.end_us, self.scope.end_us) if us is not None), default=None)


_NAMES: Final = tuple(field.name for field in fields(Filters))


def _unless_relative(bounded: Scope | Filters) -> tuple[int | None, int | None]:
    """The start and the end, None where they are relative to now."""
    start_us, end_us = bounded.start_us, bounded.end_us
    return (None if bounded.relative[0] else start_us), (None if bounded.relative[1] else end_us)

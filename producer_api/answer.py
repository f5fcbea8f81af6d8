"""What POST /log answers: which actions were accepted, which were not, and why."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from contract.receipt import Receipt
from kit.problem import FieldError, Problem
from producer_api.options import Options
from producer_api.reading import Invalid, Reading

MAX_ERRORS_SHOWN: Final = 100

_encode = msgspec.json.Encoder().encode


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """An action that was not accepted: its position in the request, and the first thing that is wrong with it."""

    index: int | None
    path: str
    reason: str


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """The answer.

    accepted  actions that Kafka has acknowledged
    rejected  the others
    ids       of the accepted ones, in the order of the request; null where a dry run makes none
    receipt   where they are in Kafka; null when the broker did not say. Absent from a dry run
    dry_run   present and true when nothing was published
    """

    accepted: int
    rejected: Sequence[Rejected]
    ids: Sequence[str | None]
    receipt: str | UnsetType | None = UNSET
    dry_run: bool | UnsetType = UNSET


def accepted(reading: Reading, receipt: Receipt | None) -> bytes:
    """The answer to a request whose valid actions are stored."""
    ids = reading.event_ids
    return _encode(Accepted(len(ids), _rejected(reading), ids, None if receipt is None else receipt.encode()))


def would_accept(reading: Reading) -> bytes:
    """The answer to a dry run."""
    ids = [None if event_id.startswith(_NO_ID) else event_id for event_id in reading.event_ids]
    return _encode(Accepted(len(ids), _rejected(reading), ids, dry_run=True))


_NO_ID: Final = "?"


def no_id(_: str, position: int) -> str:
    """In the place of an id that a dry run does not make; each another, for ids must not repeat."""
    return f"{_NO_ID}{position}"


def require_acceptable(reading: Reading, options: Options) -> None:
    """Raise Problem (400) when no record is left of some actions, or one action is wrong and all were wanted."""
    if reading.errors and (options.atomic or not reading.envelopes):
        raise invalid(reading.errors, spared=len(reading.event_ids))


def invalid(errors: Sequence[Invalid], *, spared: int) -> Problem:
    """The refusal of a whole request. ``spared``: valid actions that are not accepted either."""
    first, shown = errors[0], errors[:MAX_ERRORS_SHOWN]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    all_or_none = f"; {spared} valid actions were not accepted, because atomic=true" if spared else ""
    fields = [FieldError(path=error.path, reason=error.reason, index=error.action) for error in shown]
    return Problem(400, "invalid-request", f"{first.path}: {first.reason}{more}{all_or_none}", errors=fields)


def _rejected(reading: Reading) -> Sequence[Rejected]:
    if not reading.rejected:  # nearly always
        return ()
    return [Rejected(wrong.action, wrong.path, wrong.reason) for wrong in reading.rejected]

"""Reading a refused body once more, piece by piece: what is valid in it, and everything that is not."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from producer_api import lone_surrogates
from producer_api.envelope import (
    UNREADABLE,
    Action,
    Arrival,
    Origin,
    accept_count,
    lines_of,
    read_strictly,
    to_origin,
    to_records,
)
from producer_api.field_by_field import ACTION, ENVELOPE, read_object, reason_of
from producer_api.fields import Refused, accept_properties
from producer_api.reading import EncodedRecords, Invalid, Reading

_SUGGESTIONS_PER_REQUEST: Final = 100

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_action = msgspec.json.Decoder(Action).decode

Piece = bytes | msgspec.Raw


def read(body: bytes, arrival: Arrival) -> Reading:
    """The records of the body's valid actions, and its errors: all of them, whether few or many."""
    try:
        return Reading(read_strictly(body, arrival))
    except UNREADABLE:
        return _SecondReading(arrival).read(lone_surrogates.unescape(body))


class _SecondReading:
    """One body's second reading; gathers the parts of a Reading."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._records: list[EncodedRecords] = []
        self._kept = EncodedRecords("", None, [], [])  # of the envelope that is being read
        self._rejected: list[Invalid] = []
        self._errors: list[Invalid] = []
        self._position = 0  # of the next action in the request
        self._ids: dict[str, int] = {}  # where each id was first
        self._counted = "$"  # the path of what is counted

    def read(self, body: bytes) -> Reading:
        try:
            for path, envelope in self._envelopes(body):
                self._read_envelope(path, envelope)
        except Refused as error:  # too many: then nothing counts
            return _refuse_all(self._counted, error, "actions")
        except UNREADABLE as error:
            return _refuse_all("$", error, "malformed")
        return Reading(self._records, self._rejected, self._errors)

    def _envelopes(self, body: bytes) -> Iterable[tuple[str, Piece]]:
        if self._arrival.lines:
            lines = lines_of(body)
            accept_count(len(lines), self._arrival.max_actions, "envelopes")
            return [(f"line {number}: $", line) for number, line in lines]
        if not body.lstrip().startswith(b"["):
            return [("$", body)]
        items = _items(body)
        accept_count(len(items), self._arrival.max_actions, "envelopes")
        return [(f"$[{i}]", item) for i, item in enumerate(items)]

    def _read_envelope(self, path: str, envelope: Piece) -> None:
        head, errors = read_object(envelope, ENVELOPE, path, suggest=self._may_suggest)
        actions: Sequence[msgspec.Raw] = head.get("actions", ())
        self._counted = f"{path}.actions"
        accept_count(self._position + len(actions), self._arrival.max_actions)
        origin = None
        if not errors:
            origin = to_origin(head["userId"], head["sessionId"], head.get("sentAt", UNSET), self._arrival)
            self._kept = EncodedRecords(origin.user_id, origin.clock_skew_ms, [], [])
        self._errors += errors
        for i, action in enumerate(actions):
            invalid = self._read_action(action, f"{path}.actions[{i}]", origin)
            if errors:
                invalid = errors[0]._replace(action=self._position)
            if invalid is not None:
                self._rejected.append(invalid)
            self._position += 1
        if errors and not actions:
            self._rejected.append(errors[0])
        if not errors and self._kept.values:
            self._records.append(self._kept)

    def _read_action(self, raw: msgspec.Raw, path: str, origin: Origin | None) -> Invalid | None:
        """Keep the action's record; or, when there can be none, its errors, of which the first is returned."""
        try:
            record = self._record(_action(raw), origin)
        except UNREADABLE:
            values, errors = read_object(raw, ACTION, path, self._position, suggest=self._may_suggest)
            if errors:
                self._errors += errors
                return errors[0]
            record = self._record(Action(**values), origin)
        return None if origin is None else self._keep(record, path)

    def _record(self, action: Action, origin: Origin | None) -> EncodedRecords:
        accept_properties(action.properties)
        return to_records([action], self._position, origin or _NOBODY, self._arrival)

    def _keep(self, record: EncodedRecords, path: str) -> Invalid | None:
        first = self._ids.setdefault(record.event_ids[0], self._position)
        if first != self._position:
            repeated = Invalid(self._position, f"{path}.id", f"repeats the id of action {first}", "repeated id")
            self._errors.append(repeated)
            return repeated
        self._kept.event_ids.extend(record.event_ids)
        self._kept.values.extend(record.values)
        return None

    @property
    def _may_suggest(self) -> bool:
        return len(self._errors) < _SUGGESTIONS_PER_REQUEST


# Whose actions are only looked at for what is wrong with them: their envelope is refused.
_NOBODY: Final = Origin("?", "?", None)


def _refuse_all(path: str, error: BaseException, field: str) -> Reading:
    invalid = Invalid(None, path, reason_of(error), field)
    return Reading((), [invalid], [invalid])

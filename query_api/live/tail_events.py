"""Server-sent events of GET /log/tail (https://html.spec.whatwg.org/multipage/server-sent-events.html).

An action is an event without a name, for ``onmessage``. Its id is where its watcher stands: the next offset of every
partition, so that a client that comes back with it misses nothing. An id alone, as a heartbeat has one, moves the
client's position and fires nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from contract.receipt import Receipt, ReceiptError
from contract.record import ActionRecord
from query_api.filtering import hidden
from query_api.filtering.filters import Scope
from query_api.filtering.moments import from_us, to_us
from query_api.paging.formats import Action

_RETRY_MS: Final = 2_000  # how soon a client comes back
_MARK: Final = "at."  # no character of a receipt's: neither passes for the other


class TailedAction(Action, frozen=True, gc=False, rename="camel"):
    """An action as in GET /log, with where it stands and when it was accepted."""

    partition: int
    offset: int
    received_at: datetime


_encoder: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class Entry:
    """A record on its way to watchers, encoded once for all that may see the same of it; ``size`` in bytes."""

    record: ActionRecord
    partition: int
    offset: int
    size: int
    _encoded: dict[tuple[str, ...], bytes] = field(default_factory=dict)

    def data(self, scope: Scope) -> bytes:
        if scope.hidden_properties not in self._encoded:
            self._encoded[scope.hidden_properties] = _encoder.encode(tailed(self, scope))
        return self._encoded[scope.hidden_properties]


@dataclass(frozen=True, slots=True)
class Notice:
    """What a watcher is told beside actions: ``missed``, ``gap`` or ``problem``, and what of it."""

    event: str
    told: Mapping[str, object]

    def encode(self) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (self.event.encode(), _encoder.encode(self.told))


def tailed(entry: Entry, scope: Scope) -> TailedAction:
    record = entry.record
    return TailedAction(
        record.event_id,
        record.user_id,
        record.session_id,
        from_us(to_us(record.time), record.utc_offset_minutes),
        record.type,
        msgspec.Raw(hidden.without(bytes(record.properties).decode(), scope).encode()),
        entry.partition,
        entry.offset,
        record.received_at,
    )


def action(entry: Entry, scope: Scope, positions: Mapping[int, int]) -> bytes:
    """The event; ``positions`` are the watcher's after it."""
    data = entry.data(scope)
    if b"\n" in data or b"\r" in data:  # white space of the client's own JSON: a line each, as the standard asks
        data = b"\ndata: ".join(data.splitlines())
    return b"id: %b\ndata: %b\n\n" % (encode_id(positions), data)


def opening(positions: Mapping[int, int] | None) -> bytes:
    """The stream's first bytes, at once; without an id while a client that came back has not got what it missed."""
    start = b"retry: %d\n: the actions that arrive from now on\n" % _RETRY_MS
    return start + (b"\n" if positions is None else b"id: %b\n\n" % encode_id(positions))


def heartbeat(positions: Mapping[int, int]) -> bytes:
    return b": still here\nid: %b\n\n" % encode_id(positions)


def comment(text: str) -> bytes:
    return b": %b\n\n" % text.encode()


def encode_id(positions: Mapping[int, int]) -> bytes:
    return (_MARK + Receipt(positions).encode()).encode()


def decode_id(text: str) -> Mapping[int, int]:
    """The positions, of each partition the next offset; raises ValueError."""
    mark, positions = text[: len(_MARK)], text[len(_MARK) :]
    try:
        return Receipt.decode(positions if mark == _MARK else "").offsets
    except ReceiptError as error:
        raise ValueError("not an id of this stream's events") from error

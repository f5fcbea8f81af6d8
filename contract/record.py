"""The record: one user action as it travels on the topic and as the sink reads it.

A record's value is one JSON object in UTF-8 (schema ``action.v1``), so that every Kafka tool can read it. It evolves by
new optional fields only: a reader ignores fields it does not know, and refuses what it cannot decode.
"""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

SCHEMA_HEADER: Final = ("schema", b"action.v1")

# DateTime64(6) holds 1900-2299; the accepted range leaves room for any offset, and bounds the months of a table.
EARLIEST_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_TIME: Final = datetime(2200, 1, 1, tzinfo=UTC)  # exclusive

MAX_OFFSET_MINUTES: Final = 24 * 60 - 1  # RFC 3339 allows offsets of up to 23:59
MAX_CLOCK_SKEW_MS: Final = 7_258_118_400_000  # the whole accepted range
_FIRST_YEAR: Final = EARLIEST_TIME.year
_END_YEAR: Final = LATEST_TIME.year
_BRACE: Final = ord("{")
_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


class RecordError(ValueError):
    """A value that is no action record; the message names the field and the reason."""


class ActionRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One accepted action.

    event_id            canonical UUID text; the same id is the same action
    user_id, session_id, type   as the client sent them
    time                UTC, microseconds: the moment on the client's clock
    utc_offset_minutes  the offset the client wrote its time with, east positive
    received_at         UTC, microseconds, the producer's clock
    properties          the client's JSON object, byte for byte
    clock_skew_ms       the producer's clock minus the client's when it sent; None when the client did not say.
                        An estimate (it holds the way through the network): ``time`` plus this is the corrected time
    """

    event_id: str
    user_id: str
    session_id: str
    type: str
    time: datetime
    utc_offset_minutes: int
    received_at: datetime
    properties: msgspec.Raw
    clock_skew_ms: int | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ActionRecord)


def encode(record: ActionRecord) -> bytes:
    """The record's value on the topic. ``properties`` must hold valid UTF-8."""
    return _encoder.encode(record)


def decode(value: bytes | None) -> ActionRecord:
    """The record in a topic's value; raises RecordError with the field and the reason."""
    if value is None:
        raise RecordError("the record has no value")
    try:
        # Through str: msgspec passes the bytes of `properties` on unread, and they must be UTF-8 like the rest.
        record = _decoder.decode(str(value, "utf-8"))
    except UnicodeDecodeError as error:
        raise RecordError(f"not UTF-8: {error.reason} at byte {error.start}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordError(str(error)) from error
    _check(record)
    return record


def _check(record: ActionRecord) -> None:
    if _CANONICAL_UUID(record.event_id) is None:
        raise RecordError("not a UUID in canonical lower case - at `$.event_id`")
    _check_moment("time", record.time)
    _check_moment("received_at", record.received_at)
    if not -MAX_OFFSET_MINUTES <= record.utc_offset_minutes <= MAX_OFFSET_MINUTES:
        raise RecordError("more than a day - at `$.utc_offset_minutes`")
    if memoryview(record.properties)[0] != _BRACE:
        raise RecordError("not a JSON object - at `$.properties`")
    if record.clock_skew_ms is not None and abs(record.clock_skew_ms) > MAX_CLOCK_SKEW_MS:
        raise RecordError("more than the accepted times span - at `$.clock_skew_ms`")


def _check_moment(field: str, moment: datetime) -> None:
    if moment.tzinfo is not UTC:
        raise RecordError(f"not in UTC - at `$.{field}`")
    # In UTC the years say it all, and comparing them takes a third of the time.
    if not _FIRST_YEAR <= moment.year < _END_YEAR:
        raise RecordError(f"outside 1970-2199 - at `$.{field}`")

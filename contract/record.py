"""The record: one user action as it travels on the topic and as the sink reads it.

A record's value is one JSON object in UTF-8 (schema ``action.v1``), so that every Kafka tool can read it. It evolves by
new optional fields only: a reader ignores fields it does not know, and refuses what it cannot decode.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat
from struct import Struct
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

_UUID_LENGTHS: Final = {36}
_UUID_DIGITS: Final = 32
_UUID_HYPHENS: Final = (8, 13, 18, 23)
_UTC_ONLY: Final = {UTC}
_BRACE_ONLY: Final = {(_BRACE,)}
_first_byte: Final = Struct("B").unpack_from


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


class Columns(msgspec.Struct, frozen=True, gc=False):
    """What differs among the records of one user in one session, field by field.

    types                each as JSON
    utc_offsets_minutes  by the record's position; of those that have one
    """

    event_ids: Sequence[str]
    types: Sequence[bytes]
    times: Sequence[datetime]
    utc_offsets_minutes: Mapping[int, int]
    properties: Sequence[msgspec.Raw]


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(ActionRecord)


def encode(record: ActionRecord) -> bytes:
    """The record's value on the topic. ``properties`` must hold valid UTF-8."""
    return _encode(record)


def encode_all(
    user_id: str, session_id: str, received_at: datetime, clock_skew_ms: int | None, columns: Columns
) -> list[bytes]:
    """What ``encode`` answers for each record, byte for byte, in half of its time: what they share is encoded once."""
    session = b'","user_id":%b,"session_id":%b,"type":' % (_encode(user_id), _encode(session_id))
    offset = b',"utc_offset_minutes":%%d,"received_at":%b,"properties":' % _encode(received_at)
    offsets: Iterable[bytes] = repeat(offset % 0)
    if known := columns.utc_offsets_minutes:
        offsets = [offset % known.get(position, 0) for position in range(len(columns.times))]
    end = b"}" if clock_skew_ms is None else b',"clock_skew_ms":%d}' % clock_skew_ms
    times = _encode(columns.times)[1:-1].split(b",")
    rows = zip(columns.event_ids, columns.types, times, offsets, columns.properties, strict=False)
    return [
        b"".join((b'{"event_id":"', event_id.encode(), session, kind, b',"time":', time, middle, properties, end))
        for event_id, kind, time, middle, properties in rows
    ]


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


def decode_all(values: Sequence[bytes | None]) -> list[ActionRecord]:
    """What ``decode`` answers for each value, in a third of its time; raises RecordError when it would for any.

    Which one and why, only ``decode`` says.
    """
    try:
        records = list(map(_decoder.decode, values))  # type: ignore[arg-type]  # None raises a TypeError
        # Each is JSON by now, which begins and ends in ASCII: joined they are UTF-8 just when each of them is.
        str(b"".join(values), "utf-8")  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError("one of the values is no record") from error
    if not _all_pass(records):
        raise RecordError("one of the records breaks the contract")
    return records


def _all_pass(records: list[ActionRecord]) -> bool:
    """Whether ``_check`` passes each: asked of whole columns, most of it by loops that are not Python's."""
    offsets = {record.utc_offset_minutes for record in records}
    skews = {record.clock_skew_ms for record in records}
    return (
        _are_canonical_uuids([record.event_id for record in records])
        and _are_moments([record.time for record in records])
        and _are_moments([record.received_at for record in records])
        and all(-MAX_OFFSET_MINUTES <= minutes <= MAX_OFFSET_MINUTES for minutes in offsets)
        and set(map(_first_byte, [record.properties for record in records])) <= _BRACE_ONLY
        and all(skew is None or abs(skew) <= MAX_CLOCK_SKEW_MS for skew in skews)
    )


def _are_canonical_uuids(texts: list[str]) -> bool:
    joined = "".join(texts)
    digits = joined.replace("-", "")
    if not set(map(len, texts)) <= _UUID_LENGTHS or len(digits) != len(texts) * _UUID_DIGITS:
        return False
    hyphens = "-" * len(texts)
    if any(joined[place :: len(texts[0])] != hyphens for place in _UUID_HYPHENS if texts):
        return False
    try:
        return bytes.fromhex(digits).hex() == digits  # which is lower case and without the spaces fromhex() allows
    except ValueError:
        return False


def _are_moments(moments: list[datetime]) -> bool:
    if not {moment.tzinfo for moment in moments} <= _UTC_ONLY:
        return False
    return not moments or (min(moments) >= EARLIEST_TIME and max(moments) < LATEST_TIME)


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

"""How dead letters look on a terminal and as JSON lines. Values come from anyone: they never reach a terminal raw."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from consumer.dead_letter_table import Letter

_REASON_WIDTH: Final = 60
_HEADINGS: Final = ("id", "stored", "partition", "offset", "code", "state", "bytes", "reason")
_NUMBERS: Final = frozenset({"partition", "offset", "code", "bytes"})


def table(letters: Sequence[Letter]) -> str:
    """One line each, under headings."""
    rows = [_HEADINGS, *(_row(letter) for letter in letters)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "".join(_line(row, widths) + "\n" for row in rows)


def _row(letter: Letter) -> tuple[str, ...]:
    reason = visible(letter.reason)
    return (
        letter.event_id,
        letter.stored_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        str(letter.partition),
        str(letter.offset),
        str(letter.error_code),
        letter.state,
        str(letter.value_bytes),
        reason if len(reason) <= _REASON_WIDTH else reason[: _REASON_WIDTH - 1] + "…",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(_HEADINGS, row, widths, strict=True)
    return "  ".join(
        text.rjust(width) if heading in _NUMBERS else text.ljust(width) for heading, text, width in cells
    ).rstrip()


def page(letter: Letter) -> str:
    """Everything of one dead letter."""
    replay = letter.state
    if letter.replayed_at is not None:
        at = _moment(letter.replayed_at)
        replay = f"replayed {at}, now at partition {letter.replayed_partition}, offset {letter.replayed_offset}"
    lines = {
        "id": letter.event_id,
        "topic": visible(letter.topic),
        "partition": str(letter.partition),
        "offset": str(letter.offset),
        **({} if letter.shard is None else {"shard": str(letter.shard)}),
        "recorded": f"{_moment(letter.recorded_at)} (the record's own time)",
        "stored": _moment(letter.stored_at),
        "reason": visible(letter.reason),
        "error code": f"{letter.error_code}" + (" (no action record)" if letter.error_code == 0 else " (ClickHouse's)"),
        "state": replay,
        "key": raw(letter.raw_key),
        "value": raw(letter.raw_value),
    }
    return "".join(f"{name + ':':<12}{text}\n" for name, text in lines.items())


def raw(value: bytes) -> str:
    """As text where it is UTF-8, else in hexadecimal digits; and how many bytes."""
    try:
        text = visible(value.decode())
    except UnicodeDecodeError:
        text = f"hex {value.hex()}"
    return f"{text} ({len(value)} bytes)"


def visible(text: str) -> str:
    """The text with everything that is not a printable character written as an escape: it can't drive a terminal."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def json_line(letter: Letter) -> str:
    """One object; ``key`` and ``value`` are text where they are UTF-8, else ``key_base64`` and ``value_base64``."""
    fields: dict[str, Any] = {
        "id": letter.event_id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "recorded_at": _moment(letter.recorded_at),
        "stored_at": _moment(letter.stored_at),
        "reason": letter.reason,
        "error_code": letter.error_code,
        "state": letter.state,
        "replayed": None,
        **_bytes("key", letter.raw_key),
        **_bytes("value", letter.raw_value),
    }
    if letter.shard is not None:
        fields["shard"] = letter.shard
    if letter.replayed_at is not None:
        place = {"partition": letter.replayed_partition, "offset": letter.replayed_offset}
        fields["replayed"] = {"at": _moment(letter.replayed_at), **place}
    return msgspec.json.encode(fields).decode() + "\n"


def _bytes(name: str, value: bytes) -> dict[str, str]:
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

import base64
import json
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from consumer.dead_letter_table import Letter
from consumer.dead_letter_views import json_line, page, raw, table, visible

MOMENT = datetime(2026, 3, 14, 12, 0, 0, 250_000, tzinfo=UTC)


def letter(*, key: bytes = b"user", value: bytes = b"{}", reason: str = "no JSON") -> Letter:
    return Letter(
        event_id="660ed493-5633-52fb-b289-6c7e3e9be3db",
        topic="actions",
        partition=1,
        offset=7,
        recorded_at=MOMENT,
        stored_at=MOMENT,
        key=base64.b64encode(key).decode(),
        value=base64.b64encode(value).decode(),
        value_bytes=len(value),
        reason=reason,
        error_code=0,
        log_ends={},
        replayed_at=None,
        replayed_partition=0,
        replayed_offset=0,
    )


@given(st.text())
@example("\x1b[2J\x9b31m\u202e\r\n\x7f")
def test_nothing_that_drives_a_terminal_is_visible(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(text) == text or not text.isprintable()


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(max_size=200))
def test_tables_and_pages_are_printable_whatever_a_record_holds(key: bytes, value: bytes, reason: str) -> None:
    item = letter(key=key, value=value, reason=reason)
    assert table([item]).replace("\n", "").isprintable()
    assert len(table([item]).splitlines()) == 2
    assert page(item).replace("\n", "").isprintable()
    assert len(page(item).splitlines()) == 11


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_json_line_holds_the_raw_bytes(key: bytes, value: bytes) -> None:
    line = json_line(letter(key=key, value=value))
    assert line.count("\n") == 1
    fields = json.loads(line)
    for name, expected in (("key", key), ("value", value)):
        text, encoded = fields.get(name), fields.get(f"{name}_base64")
        assert (text is None) != (encoded is None)
        assert (text.encode() if text is not None else base64.b64decode(encoded)) == expected


def test_what_is_not_utf8_is_shown_in_hexadecimal_digits() -> None:
    assert raw(b"\xff\x00") == "hex ff00 (2 bytes)"
    assert raw("ü\n".encode()) == "ü\\n (3 bytes)"

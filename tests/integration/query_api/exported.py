"""Reading what GET /log exports, as its users do: every format back into the actions of the JSON page."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

MEMBERS: Final = ("id", "userId", "sessionId", "time", "type", "properties")
END_OF_ARROW: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def from_ndjson(body: bytes) -> list[dict[str, Any]]:
    *lines, summary = body.decode().removesuffix("\n").split("\n")
    told = json.loads(summary)
    assert (told["rows"], told["complete"]) == (len(lines), True)
    return [json.loads(line) for line in lines]


def from_csv(body: bytes) -> list[dict[str, Any]]:
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    return [{**{name: row[name] for name in MEMBERS}, "properties": json.loads(row["properties"])} for row in rows]


def from_parquet(body: bytes) -> list[dict[str, Any]]:
    return from_table(pyarrow.parquet.read_table(io.BytesIO(body)))


def from_arrow(body: bytes) -> list[dict[str, Any]]:
    assert body.endswith(END_OF_ARROW)
    return from_table(pa.ipc.open_stream(io.BytesIO(body)).read_all())


READERS: Final[dict[str, Callable[[bytes], list[dict[str, Any]]]]] = {
    "ndjson": from_ndjson,
    "csv": from_csv,
    "parquet": from_parquet,
    "arrow": from_arrow,
}
SCHEMA: Final = {
    **dict.fromkeys(("id", "userId", "sessionId", "type", "properties"), pa.string()),
    **dict.fromkeys(("time", "receivedAt"), pa.timestamp("us", "UTC")),
    "utcOffsetMinutes": pa.int16(),
}


def from_table(table: Any) -> list[dict[str, Any]]:
    assert {field.name: field.type for field in table.schema} == SCHEMA
    return [_action(row) for row in table.to_pylist()]


def _action(row: dict[str, Any]) -> dict[str, Any]:
    local: datetime = row["time"].astimezone(timezone(timedelta(minutes=row["utcOffsetMinutes"])))
    time = local.isoformat().replace("+00:00", "Z")
    return {**{name: row[name] for name in MEMBERS}, "time": time, "properties": json.loads(row["properties"])}

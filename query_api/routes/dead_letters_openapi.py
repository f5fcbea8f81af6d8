"""How GET /log/dead-letters is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.browsing.letters import DEFAULT_LIMIT, MAX_LIMIT, SHOWN_BYTES
from query_api.routes import counts_openapi, openapi

_TIMES: Final = ("startTime", "endTime")
_LETTER: Final = {
    "id": "3cccaeb3-6407-5b1d-be2e-a8d7a9fcf66b",
    "partition": 1,
    "offset": 1207,
    "recordedAt": "2026-03-14T12:00:00.102000Z",
    "storedAt": "2026-03-14T12:00:00.331000Z",
    "reason": "not UTF-8: invalid start byte at byte 4",
    "errorCode": 0,
    "key": "ABC12312XYZ",
    "value": "\x1b[2J\ufffd",
    "truncated": False,
}
_DESCRIPTION: Final = f"""\
The records of the topic that could not be stored as actions, the last one stored first. `startTime` and `endTime` are
those of `storedAt`.

`errorCode` is 0 for what is no action, else the code under which ClickHouse refused it. `key` and `value` are text,
with U+FFFD in the place of what is no UTF-8; `truncated` says that one of them was cut after {SHOWN_BYTES:,} bytes.

Not for keys with a scope."""


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Read what could not be stored",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems()},
        "openapi_extra": {"parameters": _parameters()},
    }


def _parameters() -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        *(one for one in openapi.filters() if one["name"] in _TIMES),
        openapi.parameter("limit", "Most dead letters on this page.", limit),
        openapi.parameter("cursor", "`next` of the page before; the times must be the same.", openapi.TEXT),
        counts_openapi.dry_run(),
        *openapi.reading_your_writes(),
    ]


def _answer() -> dict[str, Any]:
    text, count = {"type": "string"}, {"type": "integer"}
    letter = {
        "type": "object",
        "required": list(_LETTER),
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            **dict.fromkeys(("partition", "offset", "errorCode"), count),
            **dict.fromkeys(("recordedAt", "storedAt"), openapi.TIME),
            **dict.fromkeys(("reason", "key", "value"), text),
            "truncated": {"type": "boolean"},
        },
    }
    schema = {
        "type": "object",
        "required": ["deadLetters", "next"],
        "properties": {
            "deadLetters": {"type": "array", "items": letter},
            "next": {"type": ["string", "null"], "description": "cursor of the next page; null on the last one"},
        },
    }
    example = {"deadLetters": [_LETTER], "next": "AgAAAY"}
    content = {"application/json": {"schema": openapi.or_dry_run(schema), "example": example}}
    return {"description": "One page.", "headers": openapi.cost_headers(), "content": content}

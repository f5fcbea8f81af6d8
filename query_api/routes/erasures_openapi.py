"""How the erasing is documented: its parameter and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.routes import openapi

_EXAMPLE: Final = {
    "receipt": "5b0d7a8e-7c0f-4d0e-9a53-1f1a2c9b7d11",
    "state": "settled",
    "requestedAt": "2026-03-14T12:00:00Z",
    "hiddenAt": "2026-03-14T12:00:00.1Z",
    "settledAt": "2026-03-14T12:00:00.5Z",
    "removedAt": None,
    "rows": 1234,
    "rowsOnDisk": 1234,
    "waitsFor": 0,
    "kafkaUntil": "2026-03-28T13:06:00Z",
}
_STATES: Final = """\
`requested`: written down, it will happen. `hidden`: no read shows what was stored. `settled`: nor what Kafka held
and the sink has stored since. `removing`: ClickHouse was asked to write the parts anew. `removed`: no part of a table
holds one of the rows. `kafkaUntil` says by when the topic has dropped its copies, null when it never does.

Needs an admin key: `python -m query_api new-key NAME --admin` (docs/erasure.md)."""


def erase() -> dict[str, Any]:
    """Keyword arguments of DELETE /log."""
    whose = openapi.parameter("userId", "Whose actions.", openapi.TEXT, "ABC12312XYZ") | {"required": True}
    return {
        "summary": "Erase a user's actions",
        "description": f"All that were accepted before this request, and no later ones. {_STATES}",
        "response_class": Response,
        "status_code": 202,
        "responses": {202: _answer("It is written down, and its first step was tried."), **_problems()},
        "openapi_extra": {"parameters": [whose]},
    }


def progress() -> dict[str, Any]:
    """Keyword arguments of GET /log/erasures/{receipt}."""
    return {
        "summary": "How far an erasure has come",
        "description": _STATES,
        "response_class": Response,
        "responses": {
            200: _answer("The state, when each was reached, and what is left."),
            404: openapi.problem("No erasure has this receipt."),
            **_problems(),
        },
    }


def _problems() -> dict[int, dict[str, Any]]:
    return {
        400: openapi.problem("A parameter is wrong."),
        401: openapi.problem("No key, or an unknown one."),
        403: openapi.problem("Not an admin key, or no keys are set up: then nobody may erase."),
        503: openapi.problem("Kafka or ClickHouse is away, or erasing is switched off. Nothing was done."),
    }


def _answer(description: str) -> dict[str, Any]:
    text, moment = {"type": "string"}, {"type": ["string", "null"], "format": "date-time"}
    count, counted = {"type": "integer", "minimum": 0}, {"type": ["integer", "null"], "minimum": 0}
    states = {"type": "string", "enum": ["requested", "hidden", "settled", "removing", "removed"]}
    moments = dict.fromkeys(("requestedAt", "hiddenAt", "settledAt", "removedAt", "kafkaUntil"), moment)
    counts = {"rows": count, "rowsOnDisk": counted, "waitsFor": counted}
    fields: dict[str, Any] = {"receipt": text, "state": states, **moments, **counts}
    schema = {"type": "object", "required": list(_EXAMPLE), "properties": fields}
    return {"description": description, "content": {"application/json": {"schema": schema, "example": _EXAMPLE}}}

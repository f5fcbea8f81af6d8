"""How GET /pipeline is documented."""

from typing import Any, Final

from starlette.responses import Response

from query_api.routes import openapi

_EXAMPLE: Final = {
    "ageSeconds": 0.412,
    "lagSeconds": 0.731,
    "storedUntil": "2026-03-14T12:00:00.250000Z",
    "lagRecords": 38,
    "acceptedPerSecond": 51.2,
    "storedPerSecond": 51.067,
    "partitions": [{"partition": 0, "committed": 120_441, "end": 120_479}],
}
_DESCRIPTION: Final = """\
How far the sink is: everything accepted until `storedUntil` is stored (or among the dead letters), `lagSeconds` ago;
`lagRecords` in the log are not. The rates are of the last 15 seconds at most, null until there are two readings.

One reading, `ageSeconds` old, serves all who ask; Kafka is not asked while nobody wants to know. `trouble` is a
sentence when Kafka cannot be asked or nothing is stored though records wait, else null. What is unknown is null. A key
with a scope is told `ageSeconds`, `lagSeconds` and `trouble` alone."""


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "See how far the sink is",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), 400: openapi.problem("It takes no parameters.")},
    }


def _answer() -> dict[str, Any]:
    number, count = {"type": ["number", "null"], "minimum": 0}, {"type": "integer", "minimum": 0}
    partition = {
        "type": "object",
        "required": ["partition", "committed", "end"],
        "properties": {
            "partition": count,
            "committed": {**count, "description": "below it everything is stored"},
            "end": {**count, "description": "the offset after the last record"},
        },
    }
    properties: dict[str, Any] = {
        "ageSeconds": {"type": "number", "minimum": 0},
        "lagSeconds": number,
        "trouble": {"type": ["string", "null"]},
        "storedUntil": {"type": ["string", "null"], "format": "date-time"},
        "lagRecords": {"type": ["integer", "null"], "minimum": 0},
        "acceptedPerSecond": number,
        "storedPerSecond": {"type": ["number", "null"]},
        "partitions": {"type": "array", "items": partition},
    }
    # FastAPI takes the nulls out of examples, so what may be null cannot be required here, though it is always there.
    schema = {"type": "object", "required": ["ageSeconds", "partitions"], "properties": properties}
    return {
        "description": "The latest reading.",
        "content": {"application/json": {"schema": schema, "example": _EXAMPLE}},
    }

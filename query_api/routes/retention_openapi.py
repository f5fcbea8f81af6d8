"""How GET /log/retention is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.analytics.retention import INTERVALS
from query_api.routes import counts_openapi, openapi

_DESCRIPTION: Final = """\
How many users come back, day after day or week after week.

A user belongs to the cohort of the day (or week) of their first `start` action within the range; an earlier one, before
`startTime`, is not looked for. `returned[n]` is how many of the cohort have a `return` action n days (or weeks) later:
`returned[0]` in the same one, at the first `start` action or after it. The last period ends with the range, so it may
be shorter than the others.

`total` adds up, for each n, the cohorts that are old enough: `users[n]` is how many could have returned."""
_EXAMPLE: Final = {
    "start": "SIGN_UP",
    "return": None,
    "interval": "1w",
    "timeZone": "Europe/Berlin",
    "startTime": "2024-01-01T00:00:00+01:00",
    "endTime": "2024-01-15T00:00:00+01:00",
    "cohorts": [
        {"time": "2024-01-01T00:00:00+01:00", "users": 100, "returned": [100, 40]},
        {"time": "2024-01-08T00:00:00+01:00", "users": 80, "returned": [80]},
    ],
    "total": {"users": [180, 100], "returned": [180, 40]},
}


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "See who comes back",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems()},
        "openapi_extra": {"parameters": _parameters()},
    }


def _parameters() -> list[dict[str, Any]]:
    _, zone = counts_openapi.time_axis(required=True)
    interval = {"type": "string", "enum": [*INTERVALS], "default": INTERVALS[0]}
    return [
        openapi.parameter("start", "The type with which users begin. Default any.", openapi.TEXT, "CLICK"),
        openapi.parameter("return", "The type that counts as coming back. Default any.", openapi.TEXT, "CLICK"),
        openapi.parameter("interval", "Days, or weeks from Monday.", interval, "1d"),
        zone,
        *(one for one in openapi.filters() if one["name"] != "type"),
        counts_openapi.dry_run(),
    ]


def _answer() -> dict[str, Any]:
    text, text_or_null = {"type": "string"}, {"type": ["string", "null"]}
    number = {"type": "integer"}
    numbers = {"type": "array", "items": number}
    cohort = {
        "type": "object",
        "required": ["time", "users", "returned"],
        "properties": {"time": openapi.TIME, "users": number, "returned": numbers},
    }
    schema = {
        "type": "object",
        "required": ["interval", "timeZone", "cohorts", "total"],
        "properties": {
            **dict.fromkeys(("interval", "timeZone"), text),
            **dict.fromkeys(("start", "return", "startTime", "endTime"), text_or_null),
            "cohorts": {"type": "array", "items": cohort},
            "total": {"type": "object", "properties": {"users": numbers, "returned": numbers}},
        },
    }
    content = {"application/json": {"schema": openapi.or_dry_run(schema), "example": _EXAMPLE}}
    return {"description": "The cohorts.", "headers": openapi.cost_headers(), "content": content}

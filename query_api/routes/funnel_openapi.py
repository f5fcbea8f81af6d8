"""How GET /log/funnel is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.analytics import funnel_sql
from query_api.analytics.funnel import DEFAULT_WITHIN
from query_api.filtering import filter_parameters
from query_api.routes import counts_openapi, openapi

_DESCRIPTION: Final = """\
How many users (or sessions) do the steps one after the other, and how long it takes them.

An attempt begins with an action of the first step. It reaches the next step with an action of that type at the same
time or later, and at most `within` after the attempt's begin. Other actions between the steps do not matter. Everybody
counts once, with the attempt that came furthest; of several, the one that got there first, and of those that get there
with the same action, the latest. `medianSeconds` is from that attempt's begin to the step.

Only actions in the range count: who begins shortly before `endTime` has less time. With `interval`, everybody counts at
the time when that attempt began."""
_EXAMPLE: Final = {
    "by": "userId",
    "within": "1d",
    "interval": None,
    "timeZone": "UTC",
    "startTime": "2024-01-01T00:00:00Z",
    "endTime": "2024-02-01T00:00:00Z",
    "steps": [
        {"type": "VIEW", "reached": 200, "fromPrevious": None, "fromFirst": 1.0, "medianSeconds": None},
        {"type": "BUY", "reached": 50, "fromPrevious": 0.25, "fromFirst": 0.25, "medianSeconds": 372.5},
    ],
}


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Follow users from step to step",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems()},
        "openapi_extra": {"parameters": _parameters()},
    }


def _parameters() -> list[dict[str, Any]]:
    steps = {"type": "array", "items": openapi.TEXT, "minItems": 1, "maxItems": funnel_sql.MOST_STEPS}
    step = openapi.parameter(
        "step",
        f"2 to {funnel_sql.MOST_STEPS} different types in order, repeated or with commas.",
        steps,
        ["VIEW,CLICK"],
    )
    return [
        {**step, "required": True},
        openapi.parameter(
            "within",
            "How long an attempt may take from the first step: 30m, 1h, 7d (s, m, h, d, w), up to 3650d.",
            {"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhdw]$", "default": DEFAULT_WITHIN},
            "1d",
        ),
        openapi.parameter(
            "by", "Whose steps belong together.", {"type": "string", "enum": [*funnel_sql.COLUMNS], "default": "userId"}
        ),
        *(one for one in openapi.filters() if one["name"] not in ("type", filter_parameters.NOT_TYPE)),
        *counts_openapi.time_axis(required=False),
        counts_openapi.dry_run(),
    ]


def _answer() -> dict[str, Any]:
    text, text_or_null = {"type": "string"}, {"type": ["string", "null"]}
    share = {"type": ["number", "null"]}
    lists = {"reached": {"type": "array", "items": {"type": "integer"}}}
    lists["medianSeconds"] = {"type": "array", "items": {"type": ["number", "null"]}}
    step = {
        "type": "object",
        "required": ["type", "reached", "fromPrevious", "fromFirst", "medianSeconds"],
        "properties": {
            "type": text,
            "reached": {"type": "integer", "description": "users, or sessions, who came to this step"},
            "fromPrevious": {**share, "description": "as a share of those who reached the step before"},
            "fromFirst": {**share, "description": "as a share of those who reached the first step"},
            "medianSeconds": {**share, "description": "from the first step to this one"},
            "values": {"type": "object", "properties": lists, "description": "with interval: one figure for each time"},
        },
    }
    schema = {
        "type": "object",
        "required": ["by", "within", "steps"],
        "properties": {
            **dict.fromkeys(("by", "within", "timeZone"), text),
            **dict.fromkeys(("interval", "startTime", "endTime"), text_or_null),
            "times": {"type": "array", "items": text},
            "steps": {"type": "array", "items": step},
        },
    }
    content = {"application/json": {"schema": openapi.or_dry_run(schema), "example": _EXAMPLE}}
    return {"description": "The steps.", "headers": openapi.cost_headers(), "content": content}

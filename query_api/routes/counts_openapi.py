"""How GET /log/counts is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.analytics import counts_groups, counts_measures
from query_api.analytics.counts_parameters import DEFAULT_LIMIT
from query_api.analytics.intervals import AUTO, Interval
from query_api.routes import openapi

_DESCRIPTION: Final = """\
Counts the actions that meet all given filters: in all, by groups, and over time. The same id counts once.

`groups` are the `limit` groups that the first measure puts first; `other` is all the rest as one group (null when there
is none), with its own distinct users and percentiles; `total` and `values` are of everything.

With `interval`, `times` are the starts of the intervals in the time zone and each list of `values` has one figure for
each of them, 0 or null where there is nothing. The first interval may begin before `startTime`; only what lies within
the range is counted."""
_EXAMPLE: Final = {
    "interval": "1d",
    "timeZone": "Europe/Berlin",
    "startTime": "2024-03-30T00:00:00+01:00",
    "endTime": "2024-04-01T00:00:00+02:00",
    "measures": ["count", "uniqueUsers"],
    "exact": {"uniqueUsers": True},
    "groupBy": ["type"],
    "times": ["2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00"],
    "groups": [
        {
            "key": ["CLICK"],
            "total": {"count": 7, "uniqueUsers": 2},
            "values": {"count": [3, 4], "uniqueUsers": [2, 1]},
        }
    ],
    "other": None,
    "total": {"count": 7, "uniqueUsers": 2},
    "values": {"count": [3, 4], "uniqueUsers": [2, 1]},
}


def describe(most_groups: int) -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Count actions",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems()},
        "openapi_extra": {"parameters": _parameters(most_groups)},
    }


def _parameters(most_groups: int) -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": most_groups, "default": min(DEFAULT_LIMIT, most_groups)}
    names = {"type": "array", "items": openapi.TEXT}
    return [
        *openapi.filters(),
        openapi.parameter(
            "groupBy",
            f"type, userId, sessionId, properties.<path>: at most {counts_groups.MOST}, repeated or with commas. "
            "A group without the property has the key null.",
            names,
            ["type"],
        ),
        *time_axis(required=False),
        openapi.parameter(
            "measure",
            f"{', '.join(counts_measures.NAMES)}: repeated or with commas; the first one orders the groups. "
            "Default count.",
            names,
            ["count"],
        ),
        openapi.parameter(
            "of",
            f"The property that {', '.join(counts_measures.NUMERIC)} are of. Values that are no numbers are left out; "
            "the answer says how many were.",
            openapi.TEXT,
        ),
        openapi.parameter("limit", "Most groups; the others are summed up as `other`.", limit),
        dry_run(),
    ]


def time_axis(*, required: bool) -> list[dict[str, Any]]:
    """``interval`` and ``timeZone``."""
    absent = "" if required else " Absent: no time axis."
    interval = {"type": "string", "enum": [AUTO, *Interval]}
    return [
        openapi.parameter(
            "interval",
            f"Figures over time. auto: the finest that makes at most 200 points.{absent} A range that is not given is "
            "that of the actions found.",
            interval,
            "1d",
        ),
        openapi.parameter(
            "timeZone",
            "IANA name of the time zone in which days and weeks begin; weeks on Monday.",
            {**openapi.TEXT, "default": "UTC"},
            "Europe/Berlin",
        ),
    ]


def dry_run() -> dict[str, Any]:
    return openapi.parameter(
        "dryRun", "true: answers the SQL and what it would read, and reads nothing.", {"type": "boolean"}
    )


def _answer() -> dict[str, Any]:
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    figure = {"type": ["number", "null"]}
    total = {"type": "object", "additionalProperties": figure}
    values = {"type": "object", "additionalProperties": {"type": "array", "items": figure}}
    other = {"type": ["object", "null"], "required": ["total"], "properties": {"total": total, "values": values}}
    group = {
        "type": "object",
        "required": ["key", "total"],
        "properties": {"key": {"type": "array"}, "total": total, "values": values},
    }
    schema = {
        "type": "object",
        "required": ["measures", "groups", "other", "total"],
        "properties": {
            "interval": {"type": ["string", "null"]},
            "timeZone": text,
            "startTime": {"type": ["string", "null"]},
            "endTime": {"type": ["string", "null"]},
            "measures": texts,
            "exact": {
                "type": "object",
                "additionalProperties": {"type": "boolean"},
                "description": "distinct users and sessions, and percentiles: whether exact, or about 1 % off",
            },
            "groupBy": texts,
            "of": {
                "type": "object",
                "description": "how many actions had the property as a number, and how many as something else",
            },
            "times": texts,
            "groups": {"type": "array", "items": group},
            "other": other,
            "total": total,
            "values": values,
        },
    }
    content = {"application/json": {"schema": openapi.or_dry_run(schema), "example": _EXAMPLE}}
    return {"description": "The figures.", "headers": openapi.cost_headers(), "content": content}

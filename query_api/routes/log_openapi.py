"""How GET /log is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from kit.problem import MEDIA_TYPE
from query_api.parameters import MAX_VALUE_CHARS, Limits

_EXAMPLE_ACTION: Final = {
    "id": "0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21",
    "userId": "ABC12312XYZ",
    "sessionId": "XYZ45126ABC",
    "time": "2013-10-18T21:37:28-06:00",
    "type": "CLICK",
    "properties": {"locationX": 52, "locationY": 11},
}
_TIME: Final = {"type": "string", "format": "date-time"}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_CHARS}
_DESCRIPTION: Final = """\
The actions that meet all given filters, **newest first**, ordered by (time, id).

Times are half-open: `startTime <= time < endTime`, so that adjoining ranges neither overlap nor leave a gap.
Each action comes back as it was sent: `time` in the client's own offset, `properties` byte for byte.

**Paging:** while `next` is not null, ask again with the same filters and `cursor=<next>`; the `Link` header holds the
address. Nothing is lost or repeated while actions are being inserted; what is newer than the first page is not
on later ones."""


def describe(limits: Limits) -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Read actions",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {
            200: _answer(),
            400: _problem("A parameter is wrong: `errors` names each with its reason."),
            503: _problem("ClickHouse is away, or too many requests at once. Try again after `Retry-After` seconds."),
            504: _problem("The query took longer than it may: ask for a shorter time range."),
        },
        "openapi_extra": {"parameters": _parameters(limits)},
    }


def _parameters(limits: Limits) -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": limits.most, "default": limits.default}
    offset = "An offset from UTC is required; encode its `+` as `%2B`."
    return [
        _parameter("userId", "Only actions of this user.", _TEXT, "ABC12312XYZ"),
        _parameter("type", "Only actions of this type.", _TEXT, "CLICK"),
        _parameter("startTime", f"Not before this time (inclusive). {offset}", _TIME, "2013-01-01T00:00:00Z"),
        _parameter("endTime", f"Before this time (exclusive). {offset}", _TIME, "2014-01-01T00:00:00Z"),
        _parameter("limit", "Most actions on this page.", limit, None),
        _parameter(
            "cursor", "`next` of the page before; the filters must be the same, the limit may change.", _TEXT, None
        ),
    ]


def _parameter(name: str, description: str, schema: dict[str, Any], example: str | None) -> dict[str, Any]:
    documented = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    if example is not None:
        documented["examples"] = {"sample": {"value": example}}
    return documented


def _answer() -> dict[str, Any]:
    text = {"type": "string"}
    fields = dict.fromkeys(_EXAMPLE_ACTION, text) | {
        "id": {"type": "string", "format": "uuid"},
        "time": _TIME,
        "properties": {"type": "object"},
    }
    action = {"type": "object", "required": list(fields), "properties": fields}
    schema = {
        "type": "object",
        "required": ["actions", "next"],
        "properties": {
            "actions": {"type": "array", "items": action},
            "next": {"type": ["string", "null"], "description": "cursor of the next page; null on the last one"},
        },
    }
    content = {"application/json": {"schema": schema, "example": {"actions": [_EXAMPLE_ACTION], "next": None}}}
    link = {"description": 'the next page\'s address, rel="next"; absent on the last page', "schema": text}
    return {"description": "One page.", "headers": {"Link": link}, "content": content}


def _problem(description: str) -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "integer"}
    error = {"type": "object", "properties": {"path": text, "reason": text}}
    schema = {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            **dict.fromkeys(("type", "title", "code", "detail"), text),
            "status": number,
            "errors": {"type": "array", "items": error},
        },
    }
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}

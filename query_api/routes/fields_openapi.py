"""How GET /log/fields is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.browsing.fields import DEFAULT_LIMIT, MAX_EXAMPLES, MAX_LIMIT
from query_api.routes import counts_openapi, openapi

_DESCRIPTION: Final = """\
The properties that the newest matching actions have: a sample, of which `sampledActions` says how many there were.

Each path is one that filters and `groupBy` take, at the end of a way through objects; `actions` is how many of the
sample have it. Ordered by that, then by the path."""
_EXAMPLE: Final = {
    "sampledActions": 1_000,
    "fields": [
        {"path": "properties.locationX", "actions": 612, "kinds": ["number"], "examples": [52, 11]},
        {"path": "properties.cart.coupon", "actions": 9, "kinds": ["null", "string"], "examples": ["SPRING"]},
    ],
}


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    parameters = [*openapi.filters(), openapi.parameter("limit", "Most properties.", limit), counts_openapi.dry_run()]
    return {
        "summary": "See which properties there are",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems()},
        "openapi_extra": {"parameters": parameters},
    }


def _answer() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    kinds = {"type": "string", "enum": ["array", "boolean", "null", "number", "object", "string"]}
    examples = {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "maxItems": MAX_EXAMPLES}
    field = {
        "type": "object",
        "required": ["path", "actions", "kinds", "examples"],
        "properties": {
            "path": {"type": "string", "pattern": "^properties[.]"},
            "actions": count,
            "kinds": {"type": "array", "items": kinds},
            "examples": {**examples, "description": "different values, the newest first; no long texts"},
        },
    }
    schema = {
        "type": "object",
        "required": ["sampledActions", "fields"],
        "properties": {"sampledActions": count, "fields": {"type": "array", "items": field}},
    }
    content = {"application/json": {"schema": openapi.or_dry_run(schema), "example": _EXAMPLE}}
    return {"description": "The properties.", "headers": openapi.cost_headers(), "content": content}

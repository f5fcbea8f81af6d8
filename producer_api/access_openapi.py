"""What the gate adds to the OpenAPI description: how to present a key, its refusals, and the rate limit's headers."""

from typing import Any, Final

from producer_api.cors import ALLOWED_HEADERS, METHODS

_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a write key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Write-Key", "description": "a write key"},
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "a write key, for beacons: they cannot set headers",
    },
}
_LEFT: Final[dict[str, Any]] = {
    "RateLimit-Policy": {
        "description": "The limits, where there are any: `q` requests at once, refilled within `w` seconds.",
        "schema": {"type": "string", "example": '"address";q=100;w=10'},
    },
    "RateLimit": {
        "description": "What is left of them: `r` requests now, all of them in `t` seconds.",
        "schema": {"type": "string", "example": '"address";r=99;t=1'},
    },
}
_CHALLENGE: Final = {"WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}}}
_RETRY_AFTER: Final = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def describe_access(schema: dict[str, Any], path: str, *, asks_for_key: bool) -> None:
    """Add to the whole description, in which ``path`` is already described."""
    schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
    item = schema["paths"][path]
    post, responses = item["post"], item["post"]["responses"]
    if asks_for_key:
        post["security"] = [{name: []} for name in _SCHEMES]
    responses["401"] = {"description": "No key, or an unknown one.", "headers": _CHALLENGE, "content": _PROBLEM}
    responses["403"] = {"description": "Pages of this origin may not write with this key.", "content": _PROBLEM}
    responses["429"] = {
        "description": "Too many requests from this address or with this key.",
        "headers": {**_RETRY_AFTER, **_LEFT},
        "content": _PROBLEM,
    }
    responses["200"]["headers"] = {**responses["200"]["headers"], **_LEFT}
    item["options"] = _preflight()


def _preflight() -> dict[str, Any]:
    return {
        "operationId": "ask_to_log_actions",
        "summary": "What a page of a browser may send",
        "description": "Browsers ask this by themselves before a request to another origin (CORS).",
        "responses": {
            "204": {
                "description": f"It may, if `Access-Control-Allow-Origin` says so: {METHODS}, with the headers "
                f"{ALLOWED_HEADERS}."
            },
            "403": {"description": "Pages of this origin may not write.", "content": _PROBLEM},
        },
    }

"""The OpenAPI entry of POST /log, which FastAPI does not see: the route is an ASGI function in front of it.

What the gate adds to it is in access_openapi.py.
"""

from typing import Any, Final

from producer_api import encodings, openapi_examples, openapi_schemas, request_id
from producer_api.head import LINES_TYPES
from producer_api.idempotency import MAX_KEY_CHARS
from producer_api.openapi_examples import EXAMPLE
from producer_api.settings import Settings

__all__ = ["EXAMPLE", "describe"]

_DESCRIPTION: Final = """\
Answers once Kafka holds the actions on all in-sync replicas.

The body is one envelope, a JSON array of envelopes, or one envelope a line (`application/x-ndjson`); it may be
compressed, and sent in chunks. Valid actions are accepted and the others reported, unless `atomic=true`. The answer is
400 when none of some actions is valid.

To send a request again after a lost answer is safe when its actions have ids, or the request an `Idempotency-Key`.
"""
_BOOLEAN: Final = {"type": "boolean", "default": False}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "atomic",
        "in": "query",
        "schema": _BOOLEAN,
        "description": "All actions are accepted, or none: then the answer is 400, and names everything wrong.",
    },
    {
        "name": "dryRun",
        "in": "query",
        "schema": _BOOLEAN,
        "description": "Validate, answer what would happen, publish nothing.",
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": "^[!#-~][!-~]*$"},
        "description": "Makes the ids of actions without one follow from it, from their user and their position, so "
        "that the same request sent again is the same actions. Visible ASCII, or quoted as in the IETF draft.",
    },
    {
        "name": "X-Request-Id",
        "in": "header",
        "schema": {"type": "string"},
        "description": "Given back in the answer and written to the log. Without it, or if it is something else, the "
        "service makes one.",
    },
]
_INTEGER: Final = {"schema": {"type": "integer"}}
_RETRY_AFTER: Final = {"Retry-After": {"description": "seconds to wait", **_INTEGER}}
_REQUEST_ID: Final = {"X-Request-Id": {"schema": {"type": "string", "pattern": f"^{request_id.PATTERN}$"}}}


def describe(schema: dict[str, Any], path: str, settings: Settings) -> dict[str, Any]:
    """An application's OpenAPI document, with POST /log added to it."""
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(
        {
            "Action": openapi_schemas.ACTION,
            "Envelope": openapi_schemas.envelope(settings),
            "Accepted": openapi_schemas.ACCEPTED,
            "Problem": openapi_schemas.PROBLEM,
        }
    )
    schema["paths"][path] = {
        "post": {
            "operationId": "log_actions",
            "summary": "Record users' actions",
            "description": _DESCRIPTION,
            "parameters": _PARAMETERS,
            "requestBody": {"required": True, "description": _about_bodies(settings), "content": _bodies(settings)},
            "responses": _responses(settings),
        }
    }
    return schema


def _about_bodies(settings: Settings) -> str:
    return (
        f"At most {settings.max_body_bytes} bytes, as sent and decompressed, and {settings.max_actions} actions. "
        f"`Content-Encoding`: {', '.join(encodings.NAMES)}, or up to {encodings.MAX_CHAINED} of them in a row."
    )


def _bodies(settings: Settings) -> dict[str, Any]:
    envelope = {"$ref": "#/components/schemas/Envelope"}
    many = {"type": "array", "items": envelope, "maxItems": settings.max_actions}
    as_text = {"type": "string", "contentMediaType": "application/json", "contentSchema": envelope}
    lines = {"schema": {"type": "string", "description": "one envelope a line"}, "example": openapi_examples.LINES}
    return {
        "application/json": {"schema": {"anyOf": [envelope, many]}, "examples": openapi_examples.JSON_BODIES},
        # What navigator.sendBeacon can send.
        "text/plain": {"schema": as_text, "example": openapi_examples.TEXT},
        **dict.fromkeys(LINES_TYPES, lines),
    }


def _responses(settings: Settings) -> dict[str, Any]:
    answer = {
        "schema": {"$ref": "#/components/schemas/Accepted"},
        "examples": openapi_examples.ACCEPTED,
    }
    return {
        "200": {
            "description": "At least one action is stored, or none was sent. `rejected` names those that are not.",
            "headers": _REQUEST_ID,
            "content": {"application/json": answer},
        },
        "400": _problem("400", "No action is valid, or a parameter or header is wrong: `errors` names each."),
        "405": _problem("405", "Another method.", {"Allow": {"schema": {"type": "string"}}}),
        "408": _problem("408", f"The body did not arrive within {settings.request_timeout_s:g} s."),
        "413": _problem("413", f"The body has more than {settings.max_body_bytes} bytes, as sent or decompressed."),
        "415": _problem(
            "415", "Another type of body, or compressed otherwise.", {"Accept-Encoding": {"schema": {"type": "string"}}}
        ),
        "503": _problem(
            "503",
            "Kafka is away or overloaded. `unacknowledged`: the actions may be stored or not, and sending them again "
            "with the same ids is safe. Any other code: nothing was stored.",
            _RETRY_AFTER,
        ),
    }


def _problem(status: str, description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": openapi_examples.PROBLEMS[status]}
    return {
        "description": description,
        "headers": {**_REQUEST_ID, **(headers or {})},
        "content": {"application/problem+json": content},
    }

"""The OpenAPI entry of POST /log, which FastAPI does not see: the route is an ASGI function in front of it."""

from typing import Any, Final

from producer_api.fields import MAX_NAME_CHARS, MAX_PROPERTIES_BYTES, MAX_TYPE_CHARS, TYPE_PATTERN
from producer_api.settings import Settings

EXAMPLE: Final[dict[str, Any]] = {
    "userId": "ABC12312XYZ",
    "sessionId": "XYZ45126ABC",
    "actions": [
        {
            "time": "2013-10-18T21:37:28-06:00",
            "type": "CLICK",
            "properties": {"locationX": 52, "locationY": 11},
        },
        {
            "time": "2018-10-18T21:37:30-06:00",
            "type": "VIEW",
            "properties": {"viewedId": "FDJKLHSLD"},
        },
        {
            "time": "2018-10-18T21:37:30-06:00",
            "type": "NAVIGATE",
            "properties": {"pageFrom": "communities", "pageTo": "inventory"},
        },
    ],
}

_NAME: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME_CHARS,
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    "description": "No control characters.",
}
_ACTION: Final = {
    "type": "object",
    "required": ["time", "type"],
    "additionalProperties": False,
    "properties": {
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "The action's identity: the same id sent again is the same action, and must repeat it "
            "unchanged. Without it the service makes a new one (UUIDv7).",
        },
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 with an offset, in the years 1970 to 2199. Microseconds and the offset are kept.",
        },
        "type": {"type": "string", "minLength": 1, "maxLength": MAX_TYPE_CHARS, "pattern": f"^{TYPE_PATTERN}$"},
        "properties": {
            "type": "object",
            "default": {},
            "description": f"Any JSON object of at most {MAX_PROPERTIES_BYTES} bytes and 16 levels, given back byte "
            "for byte. Duplicate keys are kept as they are; lone surrogates are refused.",
        },
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for machines"},
        "detail": {"type": "string", "description": "for people"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "reason"],
                "properties": {"path": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_ACCEPTED: Final = {
    "type": "object",
    "required": ["accepted", "ids"],
    "properties": {
        "accepted": {"type": "integer", "description": "actions that Kafka has acknowledged"},
        "ids": {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "description": "in the request's order",
        },
    },
}
_RETRY_AFTER: Final = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}


def log_path(settings: Settings) -> dict[str, Any]:
    """The OpenAPI path item of /log."""
    return {
        "post": {
            "operationId": "log_actions",
            "summary": "Record actions of one user in one session",
            "description": "Answers once Kafka holds every action on all in-sync replicas. All are accepted, or none.",
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _envelope(settings), "example": EXAMPLE}},
            },
            "responses": _responses(settings),
        }
    }


def _envelope(settings: Settings) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["userId", "sessionId"],
        "additionalProperties": False,
        "properties": {
            "userId": _NAME,
            "sessionId": _NAME,
            "actions": {"type": "array", "items": _ACTION, "maxItems": settings.max_actions, "default": []},
        },
    }


def _responses(settings: Settings) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": _PROBLEM}}
    return {
        "200": {"description": "Every action is stored.", "content": {"application/json": {"schema": _ACCEPTED}}},
        "400": {"description": "Some field is wrong: `errors` names each by its JSON path.", "content": problem},
        "408": {"description": "The body did not arrive in time.", "content": problem},
        "413": {"description": f"The body is larger than {settings.max_body_bytes} bytes.", "content": problem},
        "415": {"description": "The body is not declared as uncompressed JSON in UTF-8.", "content": problem},
        "503": {
            "description": "Kafka is away or overloaded. `unacknowledged`: the actions may be stored or not, and "
            "sending them again with the same ids is safe. Any other code: nothing was stored.",
            "headers": _RETRY_AFTER,
            "content": problem,
        },
    }

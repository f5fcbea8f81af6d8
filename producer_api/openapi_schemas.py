"""The bodies of POST /log as JSON Schema: what is sent, and what is answered."""

from typing import Any, Final

from producer_api.fields import MAX_NAME_CHARS, MAX_PROPERTIES_BYTES, MAX_PROPERTIES_DEPTH, MAX_TYPE_CHARS, TYPE_PATTERN
from producer_api.settings import Settings

Schema = dict[str, Any]

_YEARS: Final = "^(19[7-9][0-9]|2[01][0-9]{2})-"
_NAME: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME_CHARS,
    "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    "description": "No control characters.",
}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}

ACTION: Final[Schema] = {
    "type": "object",
    "required": ["time", "type"],
    "additionalProperties": False,
    "properties": {
        "id": {
            **_UUID,
            "description": "The action's identity: the same id sent again is the same action, and must repeat it "
            "unchanged. Without it, the id follows from `Idempotency-Key`, or else the service makes a new one "
            "(UUIDv7). Within one request, an id may stand once.",
        },
        "time": {
            "type": "string",
            "format": "date-time",
            "pattern": _YEARS,
            "description": "RFC 3339 with an offset, in the years 1970 to 2199 (UTC). The offset is kept, and "
            "microseconds are; finer fractions are rounded to them. No leap seconds.",
        },
        "type": {"type": "string", "minLength": 1, "maxLength": MAX_TYPE_CHARS, "pattern": f"^{TYPE_PATTERN}$"},
        "properties": {
            "type": "object",
            "default": {},
            "description": f"Any JSON object of at most {MAX_PROPERTIES_BYTES} bytes and {MAX_PROPERTIES_DEPTH} "
            "levels, given back byte for byte: duplicate keys and long numbers too. Lone surrogates are refused, and "
            "numbers beyond the range of a double.",
        },
    },
}


def envelope(settings: Settings) -> Schema:
    """Some actions of one user in one session."""
    return {
        "type": "object",
        "required": ["userId", "sessionId"],
        "additionalProperties": False,
        "properties": {
            "userId": _NAME,
            "sessionId": _NAME,
            "actions": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Action"},
                "maxItems": settings.max_actions,
                "default": [],
            },
            "sentAt": {
                "type": "string",
                "format": "date-time",
                "pattern": _YEARS,
                "description": "When the client sends this, by its clock. How far that clock is off is stored beside "
                "the actions' times, which stay as they are.",
            },
        },
    }


ACCEPTED: Final[Schema] = {
    "type": "object",
    "required": ["accepted", "rejected", "ids"],
    "properties": {
        "accepted": {"type": "integer", "minimum": 0, "description": "Actions that Kafka has acknowledged."},
        "rejected": {
            "type": "array",
            "description": "One entry for each of the other actions, with the first thing that is wrong with it.",
            "items": {
                "type": "object",
                "required": ["index", "path", "reason"],
                "properties": {
                    "index": {
                        "type": ["integer", "null"],
                        "minimum": 0,
                        "description": "Its position in the whole request. Null for an envelope whose actions cannot "
                        "be told: it has one entry as a whole.",
                    },
                    "path": {"type": "string"},
                    "reason": {"type": "string"},
                },
            },
        },
        "ids": {
            "type": "array",
            "items": {"type": ["string", "null"], "format": "uuid"},
            "description": "Of the accepted actions, in the request's order. Null only in a dry run, for an id that "
            "the service would make.",
        },
        "receipt": {
            "type": ["string", "null"],
            "description": "Opaque: where the actions are in Kafka, so that a reader can wait for them. Null in the "
            "rare case that the broker did not say. Absent from a dry run.",
        },
        "dryRun": {"const": True, "description": "Nothing was published."},
    },
}

PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable, for machines."},
        "detail": {"type": "string", "description": "For people."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "reason"],
                "properties": {
                    "path": {"type": "string"},
                    "reason": {"type": "string"},
                    "index": {"type": ["integer", "null"], "description": "The action's position in the request."},
                },
            },
        },
    },
}

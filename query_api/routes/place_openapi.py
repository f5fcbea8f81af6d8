"""How GET /log/{id} is documented."""

from typing import Any, Final

from starlette.responses import Response

from query_api.live.place import State
from query_api.routes import openapi

_ID: Final = "0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21"
_ACTION: Final = {
    "id": _ID,
    "userId": "ABC12312XYZ",
    "sessionId": "XYZ45126ABC",
    "time": "2013-10-18T21:37:28-06:00",
    "type": "CLICK",
    "properties": {"locationX": 52, "locationY": 11},
}
_STORED: Final = {
    "id": _ID,
    "state": "stored",
    "action": _ACTION,
    "partition": 3,
    "offset": 1207,
    "acceptedAt": "2013-10-19T03:37:28.102Z",
    "storedAt": "2013-10-19T03:37:28.9Z",
    "reason": None,
}
_DEAD: Final = _STORED | {
    "state": "dead-lettered",
    "action": None,
    "acceptedAt": None,
    "storedAt": "2013-10-19T03:37:29.31Z",
    "reason": "outside 1970-2199 - at `$.time`",
}
_DESCRIPTION: Final = """\
Where an action is, by the id that it was sent with or was given: `stored` (every GET /log can hold it),
`dead-lettered` (put aside, with the reason), `in-flight` (accepted, in the log, about to be stored) or `unknown`, with
a sentence on what that can mean. `partition` and `offset` are its position in the log.

With `after=<receipt>` it waits first until what the receipt stands for is stored."""


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Find one action",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems()},
        "openapi_extra": {"parameters": [_id(), *openapi.reading_your_writes()]},
    }


def _id() -> dict[str, Any]:
    schema = {"type": "string", "format": "uuid"}
    documented = {"name": "id", "in": "path", "required": True, "description": "The action's id.", "schema": schema}
    return {**documented, "examples": {"sample": {"value": _ID}}}


def _answer() -> dict[str, Any]:
    moment = {"type": ["string", "null"], "format": "date-time"}
    number = {"type": ["integer", "null"]}
    properties: dict[str, Any] = {
        "id": {"type": "string", "format": "uuid"},
        "state": {"type": "string", "enum": list(State)},
        "action": {"type": ["object", "null"], "description": "as in GET /log"},
        "partition": number,
        "offset": number,
        "acceptedAt": {**moment, "description": "when the producer took it"},
        "storedAt": {
            **moment,
            "description": "when it was stored or put aside; null where it was stored before this was kept",
        },
        "reason": {"type": ["string", "null"], "description": "a sentence, where there is no action to show"},
    }
    # FastAPI takes the nulls out of examples, so what may be null cannot be required here, though it is always there.
    schema = {"type": "object", "required": ["id", "state"], "properties": properties}
    examples = {"stored": {"value": _STORED}, "dead-lettered": {"value": _DEAD}}
    content = {"application/json": {"schema": schema, "examples": examples}}
    return {"description": "Its place, also when it is unknown.", "headers": openapi.cost_headers(), "content": content}

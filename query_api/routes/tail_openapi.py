"""How GET /log/tail is documented."""

from typing import Any, Final

from starlette.responses import Response

from query_api.routes import openapi

_STREAM: Final = """\
retry: 2000
: the actions that arrive from now on
id: at.kgGCAAQBCA

id: at.kgGCAAUBCA
data: {"id":"0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21","userId":"ABC12312XYZ","sessionId":"XYZ45126ABC",\
"time":"2013-10-18T21:37:28-06:00","type":"CLICK","properties":{"locationX":52},"partition":0,"offset":4,\
"receivedAt":"2013-10-19T03:37:28.102Z"}

event: missed
data: {"count":12}

: still here
id: at.kgGCABEBCA

"""
_DESCRIPTION: Final = """\
The actions that meet all given filters as they arrive, straight from the log: server-sent events, one unnamed event an
action, with the members of GET /log's and `partition`, `offset`, `receivedAt`. An action that a client sent twice
comes twice.

A client that comes back with `Last-Event-ID` (a browser's EventSource does it by itself) goes on where it was; with
`after=<receipt>` a stream begins right after what the receipt stands for, instead of now.

Named events: `missed` (`count` actions did not fit while this client was slow), `gap` (`skipped` records lie too far
back, or are gone; null when their number is unknown), `problem` (Kafka is away; the stream stays open), `recovered`.
The stream ends when the service stops and after some time in any case: come back."""


def describe() -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Watch actions arrive",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {200: _answer(), **openapi.problems(), 503: _away()},
        "openapi_extra": {"parameters": [*openapi.filters(), _last_event_id()]},
    }


def _last_event_id() -> dict[str, Any]:
    return {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "The id of the last event that was seen; it goes before `after`.",
        "schema": {"type": "string"},
        "examples": {"sample": {"value": "at.kgGCAAUBCA"}},
    }


def _answer() -> dict[str, Any]:
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}}
    return {"description": "A stream that stays open.", "headers": openapi.watermark_headers(), "content": content}


def _away() -> dict[str, Any]:
    return openapi.problem("Kafka is away, or too many streams are open. Try again after `Retry-After` seconds.")

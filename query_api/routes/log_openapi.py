"""How GET /log is documented: its parameters and answers with examples."""

from typing import Any, Final

from starlette.responses import Response

from query_api.exporting.export_formats import ARROW, CSV, FORMATS, NDJSON, PARQUET
from query_api.paging.parameters import Limits
from query_api.routes import openapi

_EXAMPLE_ACTION: Final = {
    "id": "0192f0c1-5d3a-7c1e-9b1f-3a5d0c9e7b21",
    "userId": "ABC12312XYZ",
    "sessionId": "XYZ45126ABC",
    "time": "2013-10-18T21:37:28-06:00",
    "type": "CLICK",
    "properties": {"locationX": 52, "locationY": 11},
}
_DESCRIPTION: Final = """\
The actions that meet all given filters, ordered by (time, id), newest first unless `order=asc`.

Times are half-open: `startTime <= time < endTime`, so that adjoining ranges neither overlap nor leave a gap.
Each action comes back as it was sent: `time` in the client's own offset, `properties` byte for byte.

**Paging:** while `next` is not null, ask again with the same filters and `cursor=<next>`; the `Link` header holds the
address. Nothing is lost or repeated while actions are being inserted; what is newer than the first page is not
on later ones.

**Formats:** by `format=` or the header `Accept`: JSON, NDJSON, CSV, Parquet or an Arrow stream. Without `limit` the
last four answer everything that meets the filters in one stream, in the order of the table's key: (hour, type, time,
id), or by (time, id) with `order=asc`. Columns are named as the members in JSON; CSV, Parquet and Arrow have
`receivedAt` too. An answer that is cut short can be told from a whole one: the connection breaks without the end of its
chunked encoding, NDJSON lacks its last line `{"rows": …, "complete": true}`, Parquet its footer, Arrow its end."""


def describe(limits: Limits) -> dict[str, Any]:
    """Keyword arguments of the route."""
    return {
        "summary": "Read actions",
        "description": _DESCRIPTION,
        "response_class": Response,
        "responses": {
            200: _answer(),
            **openapi.problems(),
            406: openapi.problem("No media type in `Accept` can be answered; `detail` lists those that can."),
        },
        "openapi_extra": {"parameters": _parameters(limits)},
    }


def _parameters(limits: Limits) -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": limits.most, "default": limits.default}
    order = {"type": "string", "enum": ["desc", "asc"], "default": "desc"}
    return [
        *openapi.filters(),
        openapi.parameter("order", "desc: newest first; only of pages. asc: oldest first.", order),
        openapi.parameter(
            "limit", "Most actions on this page; without it NDJSON, CSV, Parquet and Arrow have no end.", limit
        ),
        openapi.parameter(
            "cursor",
            "`next` of the page before; filters and order must be the same, the limit may change.",
            openapi.TEXT,
        ),
        openapi.parameter(
            "format", "The answer's format; counts more than `Accept`.", {"type": "string", "enum": list(FORMATS)}
        ),
        openapi.parameter(
            "summary",
            'Whether the answer ends with a line that counts its actions: NDJSON\'s `{"rows": …}` unless false, '
            "CSV's `# rows=…` if true.",
            {"type": "boolean"},
        ),
        openapi.parameter(
            "dryRun", "true: answers the SQL and what it would read, and reads nothing.", {"type": "boolean"}
        ),
    ]


def _answer() -> dict[str, Any]:
    text = {"type": "string"}
    fields = dict.fromkeys(_EXAMPLE_ACTION, text) | {
        "id": {"type": "string", "format": "uuid"},
        "time": openapi.TIME,
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
    content = {
        "application/json": {
            "schema": openapi.or_dry_run(schema),
            "example": {"actions": [_EXAMPLE_ACTION], "next": None},
        },
        **{streamed.accepted[0]: {"schema": text} for streamed in (NDJSON, CSV)},
        **{streamed.accepted[0]: {} for streamed in (PARQUET, ARROW)},
    }
    link = {"description": 'the next page\'s address, rel="next"; absent on the last page', "schema": text}
    return {"description": "One page.", "headers": {"Link": link, **openapi.cost_headers()}, "content": content}

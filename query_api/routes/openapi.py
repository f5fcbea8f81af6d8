"""What the routes' documentation has in common: parameters, filters, headers and problems."""

from typing import Any, Final

from contract.receipt import MAX_LENGTH
from kit.problem import MEDIA_TYPE
from query_api.filtering.query_string import AFTER, MAX_VALUE_CHARS

TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_CHARS}
TIME: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}
_MOMENT: Final[dict[str, Any]] = {
    "anyOf": [TIME, {"type": "string", "pattern": "^(now|-[0-9]{1,9}[smhdw])$"}],
}
_LIST: Final[dict[str, Any]] = {"type": "array", "items": TEXT}
_OFFSET: Final = "RFC 3339 with an offset (encode its `+` as `%2B`), or relative to now: `-15m`, `-7d` (s, m, h, d, w)."


def parameter(name: str, description: str, schema: dict[str, Any], example: object = None) -> dict[str, Any]:
    """One query parameter, optional."""
    documented = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    if example is not None:
        documented["examples"] = {"sample": {"value": example}}
    return documented


def filters() -> list[dict[str, Any]]:
    """The parameters of every route that reads actions by filters."""
    return [
        parameter("userId", "Only actions of this user; repeat it for any of several.", _LIST, ["ABC12312XYZ"]),
        parameter("sessionId", "Only actions of this session; repeat it for any of several.", _LIST, ["XYZ45126ABC"]),
        parameter("type", "Only actions of this type; repeat it for any of several.", _LIST, ["CLICK"]),
        *(
            parameter(f"{name}[ne]", f"Only actions of other {others}; repeat it to exclude several.", _LIST, [example])
            for name, others, example in (
                ("userId", "users", "crawler"),
                ("sessionId", "sessions", "load-test"),
                ("type", "types", "HEARTBEAT"),
            )
        ),
        parameter("startTime", f"Not before this time (inclusive). {_OFFSET}", _MOMENT, "2013-01-01T00:00:00Z"),
        parameter("endTime", f"Before this time (exclusive). {_OFFSET}", _MOMENT, "2014-01-01T00:00:00Z"),
        parameter(
            "properties.<path>",
            "Only actions with this property: `properties.viewedId=FDJKLHSLD`, `properties.cart.total[gte]=9.5`. "
            "Operators: [ne] [gt] [gte] [lt] [lte] [exists] [contains]; docs/querying.md says how each compares.",
            {"type": "string", "maxLength": MAX_VALUE_CHARS},
        ),
        *reading_your_writes(),
    ]


def reading_your_writes() -> list[dict[str, Any]]:
    """The parameters with which a request waits for what its client has posted."""
    receipt = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": MAX_LENGTH}
    prefer = {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "description": "`wait=10`: seconds `after` may wait (RFC 7240); `Preference-Applied` says what was granted.",
        "schema": {"type": "string"},
    }
    text = "A receipt of POST /log, or a watermark of an answer: wait until all that it stands for is stored."
    return [parameter(AFTER, text, receipt), prefer]


def watermark_headers() -> dict[str, Any]:
    """The headers that say how far the sink was."""
    return {
        "Actionlog-Watermark": {
            "description": "a receipt: everything up to it is in this answer; `unknown` while Kafka is away",
            "schema": {"type": "string"},
        },
        "Actionlog-Watermark-Age-Ms": {
            "description": "milliseconds since that was read; more may be in the answer",
            "schema": {"type": "integer"},
        },
    }


def or_dry_run(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an answer that is another one with ``dryRun=true``."""
    number = {"type": "integer"}
    estimate = {
        "type": "object",
        "required": ["rows", "parts", "marks"],
        "properties": dict.fromkeys(("rows", "parts", "marks"), number),
    }
    told = {
        "type": "object",
        "description": "with dryRun=true: the SQL, the values it binds, and what it would read",
        "required": ["sql", "parameters", "estimate", "maxRows"],
        "properties": {
            "sql": {"type": "string"},
            "parameters": {"type": "object"},
            "estimate": estimate,
            "maxRows": number,
        },
    }
    return {"anyOf": [schema, told]}


def cost_headers() -> dict[str, Any]:
    """The headers every answer has."""
    number = {"type": "integer"}
    return {
        "Server-Timing": {
            "description": "milliseconds: in ClickHouse, with the way there, in all",
            "schema": {"type": "string"},
        },
        "Actionlog-Rows-Read": {"description": "rows that ClickHouse read for this answer", "schema": number},
        "Actionlog-Bytes-Read": {"description": "bytes that ClickHouse read for this answer", "schema": number},
        **watermark_headers(),
    }


def problems() -> dict[int, dict[str, Any]]:
    """The answers of every route when it cannot serve."""
    return {
        400: problem("A parameter is wrong (`errors` names each with its reason), or it would read too many rows."),
        409: problem("`after` is a receipt of another topic."),
        503: problem(
            "ClickHouse is away (with `after`: or Kafka), or too many requests at once. Try again after `Retry-After` "
            "seconds."
        ),
        504: problem(
            "The query took longer than it may: ask for a shorter time range. Or what `after` stands for is not stored "
            "yet (`not-yet-stored`)."
        ),
    }


def problem(description: str) -> dict[str, Any]:
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

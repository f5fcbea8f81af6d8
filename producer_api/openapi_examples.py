"""Examples of what POST /log takes and answers; a test sends the former and compares the latter."""

import json
from http import HTTPStatus
from typing import Any, Final

Example = dict[str, Any]

EXAMPLE: Final[Example] = {
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
_WITH_IDS: Final[Example] = {
    "userId": "ABC12312XYZ",
    "sessionId": "XYZ45126ABC",
    "sentAt": "2018-10-18T21:37:31.25-06:00",
    "actions": [
        {"id": "01669061-7a90-7000-8000-0000000000a1", "time": "2018-10-18T21:37:30.125-06:00", "type": "VIEW"}
    ],
}
_OTHER_USER: Final[Example] = {
    "userId": "DEF",
    "sessionId": "1",
    "actions": [{"time": "2018-10-19T03:37:31Z", "type": "CLICK"}],
}

JSON_BODIES: Final[Example] = {
    "one envelope": {"value": EXAMPLE},
    "with ids, and the client's clock": {"value": _WITH_IDS},
    "many users' envelopes": {"value": [EXAMPLE, _OTHER_USER]},
    "nothing yet": {"value": {"userId": "ABC12312XYZ", "sessionId": "XYZ45126ABC"}},
}
LINES: Final = "".join(json.dumps(envelope) + "\n" for envelope in (EXAMPLE, _OTHER_USER))
TEXT: Final = json.dumps(_OTHER_USER)

_IDS: Final = ["01a21022-07eb-7727-849c-163a8cd8695d", "01a21022-07eb-7727-849c-163baccce8e4"]
ACCEPTED: Final[Example] = {
    "all": {"value": {"accepted": 2, "rejected": [], "ids": _IDS, "receipt": "kgGBBM0EAA"}},
    "some": {
        "value": {
            "accepted": 1,
            "rejected": [
                {
                    "index": 1,
                    "path": "$.actions[1].time",
                    "reason": "must have an offset: 2018-10-18T21:37:30-06:00, or Z for UTC",
                }
            ],
            "ids": _IDS[:1],
            "receipt": "kgGBBM0EAA",
        }
    },
    "dry run": {"value": {"accepted": 2, "rejected": [], "ids": [_IDS[0], None], "dryRun": True}},
}


def problem(status: int, code: str, detail: str, **more: Any) -> Example:
    """An example of a refusal."""
    title = HTTPStatus(status).phrase
    return {"value": {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **more}}


PROBLEMS: Final[dict[str, dict[str, Example]]] = {
    "400": {
        "wrong field": problem(
            400,
            "invalid-request",
            "$.userID: is not a known field; did you mean `userId`?",
            errors=[{"path": "$.userID", "reason": "is not a known field; did you mean `userId`?", "index": None}],
        ),
        "wrong line": problem(
            400,
            "invalid-request",
            "line 4: $.actions[1].type: is required",
            errors=[{"path": "line 4: $.actions[1].type", "reason": "is required", "index": 7}],
        ),
        "broken compression": problem(400, "invalid-encoding", "The gzip stream of the body ends too early."),
    },
    "405": {"wrong method": problem(405, "method-not-allowed", "/log takes POST.")},
    "408": {"too slow": problem(408, "request-timeout", "The body did not arrive within 10 s.")},
    "413": {"too large": problem(413, "body-too-large", "The body must have at most 1048576 bytes, …")},
    "415": {
        "wrong type": problem(415, "unsupported-media-type", "Content-Type must be one of application/json, …"),
        "unknown compression": problem(415, "unsupported-encoding", "Content-Encoding must be of gzip, deflate, …"),
    },
    "503": {
        "nothing stored": problem(503, "kafka-unavailable", "No Kafka broker answers; nothing …"),
        "overloaded": problem(503, "overloaded", "67108000 bytes already wait for Kafka's …"),
        "perhaps stored": problem(503, "unacknowledged", "Kafka did not acknowledge the actions within 10 s; the …"),
    },
}

"""What schemathesis cannot learn from the description: how envelopes look as text, and that ids must not repeat.

Loaded by its command (test_schema.py), not by pytest.
"""

import json
import random
from typing import Any, Final

import schemathesis

_TIMES: Final = ("2018-10-18T21:37:30-06:00", "1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999+00:00")
_LINES_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")


@schemathesis.serializer("text/plain", *_LINES_TYPES)
def as_it_is(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Bodies of these types are text already."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_case(_: schemathesis.HookContext, case: "schemathesis.Case[Any]") -> "schemathesis.Case[Any]":
    """To the description these bodies are any string: what should be accepted must be envelopes."""
    if case.meta is not None and case.meta.generation.mode.is_positive and isinstance(case.body, str):
        rng = random.Random(case.body)
        count = rng.randrange(4) if case.media_type in _LINES_TYPES else 1
        case.body = "\n".join(json.dumps(_envelope(rng)) for _ in range(count))
    return case


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: "schemathesis.Case[Any]") -> bool:
    """Leave out requests that give an id twice: JSON Schema has no word for the rule, other tests hold us to it."""
    ids = [action["id"] for action in _actions(case.body) if isinstance(action.get("id"), str)]
    return len(set(ids)) == len(ids)


def _envelope(rng: random.Random) -> dict[str, Any]:
    actions = [{"time": rng.choice(_TIMES), "type": "VIEW", "properties": {"n": n}} for n in range(rng.randrange(3))]
    return {"userId": f"user-{rng.randrange(100)}", "sessionId": "session", "actions": actions}


def _actions(body: Any) -> list[dict[str, Any]]:
    envelopes = body if isinstance(body, list) else [body]
    lists = [envelope.get("actions") for envelope in envelopes if isinstance(envelope, dict)]
    return [action for actions in lists if isinstance(actions, list) for action in actions if isinstance(action, dict)]

"""What access adds to the OpenAPI description: how to present a key, and its refusals."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI

from query_api.access.keys import PATHS_WITH_KEY_IN_QUERY
from query_api.routes import openapi

_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a read key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-Read-Key", "description": "a read key"},
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "a read key, for a browser's EventSource: it cannot set headers",
    },
}
_OPERATIONS: Final = ("get", "post", "delete")


def install(app: FastAPI, *, asks_for_key: bool) -> None:
    """Let the app's description say it, whichever routes it has."""
    described: Callable[[], dict[str, Any]] = app.openapi

    def with_access() -> dict[str, Any]:
        schema = described()
        _describe(schema, asks_for_key=asks_for_key)
        return schema

    app.openapi = with_access  # type: ignore[method-assign] # as FastAPI's documentation says


def _describe(schema: dict[str, Any], *, asks_for_key: bool) -> None:
    """Idempotent: FastAPI keeps the schema."""
    schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, item in schema["paths"].items():
        for operation in (item[name] for name in _OPERATIONS if name in item):
            schemes = [name for name in _SCHEMES if name != "query" or path in PATHS_WITH_KEY_IN_QUERY]
            if asks_for_key:
                operation["security"] = [{name: []} for name in schemes]
            refusal = openapi.problem("No read key, or an unknown one (where keys are asked for).")
            operation["responses"].setdefault("401", refusal)
            operation["responses"].setdefault(
                "403", openapi.problem("The key may not do this: it has a scope, or is no admin key.")
            )

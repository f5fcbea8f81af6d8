"""The store's errors as HTTP answers: which status, and what the client can do."""

from typing import Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from kit.problem import Problem, unavailable
from query_api.errors import (
    Overloaded,
    QueryOutOfMemory,
    QueryReadsTooMuch,
    QueryTimedOut,
    StoreError,
    StoreNotSetUp,
    StoreUnavailable,
)
from query_api.gone import ClientGone

_NARROW: Final = "Ask for a shorter time range (startTime, endTime), or add userId or type."
CLIENT_CLOSED_REQUEST: Final = 499  # nginx's number; nobody receives it, the metric shows it


def problem(error: StoreError) -> Problem:
    """The answer to a request that the store could not serve."""
    match error:
        case QueryTimedOut():
            return Problem(504, "query-too-slow", f"{_sentence(error)} {_NARROW}")
        case QueryOutOfMemory():
            return unavailable("query-too-large", f"{_sentence(error)} {_NARROW}", retry_after_s=5)
        case QueryReadsTooMuch():
            return Problem(400, "too-many-rows", f"{_sentence(error)} {_NARROW}")
        case StoreNotSetUp():
            return unavailable("store-not-set-up", _sentence(error), retry_after_s=10)
        case StoreUnavailable():
            return unavailable("store-unavailable", _sentence(error), retry_after_s=2)
        case Overloaded():
            return unavailable("overloaded", _sentence(error), retry_after_s=1)
        case _:
            return Problem(500, "store-refused", f"{_sentence(error)} The service's log says why.")


def install(app: FastAPI) -> None:
    """Answer the store's errors as problems, and nothing to a client that left."""

    async def on_store_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, StoreError)  # noqa: S101 - the handler is registered for this type
        return problem(error).response()

    async def on_client_gone(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED_REQUEST)

    app.add_exception_handler(StoreError, on_store_error)
    app.add_exception_handler(ClientGone, on_client_gone)


def _sentence(error: StoreError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")

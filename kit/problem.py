"""Errors as problem+json (RFC 9457): one shape for every refusal, from every service."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NotRequired, TypedDict

import msgspec
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)


class FieldError(TypedDict):
    """One wrong field: where it is (a JSON path or a parameter's name) and what is wrong with it.

    index   in a request of many items, the item's position; None when the error is no single item's
    """

    path: str
    reason: str
    index: NotRequired[int | None]


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """A refusal: raise it in a route, or answer with ``response()``.

    status   HTTP status
    code     stable, machine-readable reason, e.g. ``invalid-request``
    detail   for people: what is wrong with this request, and what to do
    errors   the wrong fields, each with its reason
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)


def unavailable(code: str, detail: str, *, retry_after_s: int) -> Problem:
    """503: a dependency is away or a bound is reached; the client may try again after ``retry_after_s`` seconds."""
    return Problem(503, code, detail, headers={"Retry-After": str(retry_after_s)})


def install(app: FastAPI) -> None:
    """Answer every error of the app's routes as a problem."""

    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - the handler is registered for this type
        return error.response()

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = _allowed(request, headers.get("Allow", ""))
        return Problem(error.status_code, code, str(error.detail), headers=headers).response()

    async def on_invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        errors = [FieldError(path=str(item["loc"][-1]), reason=str(item["msg"])) for item in error.errors()]
        detail = "; ".join(f"{item['path']}: {item['reason']}" for item in errors)
        return Problem(400, "invalid-request", detail, errors=errors).response()

    async def on_bug(request: Request, error: Exception) -> Response:
        _log.error("a request failed unexpectedly", path=request.url.path, exc_info=error)
        return Problem(500, "internal-error", "The service failed; its log says why.").response()

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_bug)


def _allowed(request: Request, by_one_route: str) -> str:
    """The methods that the description has for this path: the framework names those of one route only."""
    documented = request.app.openapi()["paths"].get(request.url.path)
    return ", ".join(sorted(method.upper() for method in documented)) if documented else by_one_route

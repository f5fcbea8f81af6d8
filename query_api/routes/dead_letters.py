"""GET /log/dead-letters: the records that could not be stored, and why."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from kit.problem import Problem
from query_api.browsing import letters
from query_api.browsing.letters import Letters
from query_api.paging.cursor import Cursors
from query_api.routes import dead_letters_openapi
from query_api.serving import Serving

PATH: Final = "/log/dead-letters"
_PURPOSE: Final = "dead-letters:"  # so that a cursor of GET /log is none here


def router(serving: Serving) -> APIRouter:
    """The route, with what it works on."""
    settings = serving.settings
    routes = APIRouter()
    cursors = Cursors(f"{_PURPOSE}{settings.cursor_secret.get_secret_value()}")
    pages = Letters(serving.store, serving.estimates, cursors, settings.kafka_topic)

    async def get_dead_letters(request: Request) -> Response:
        _require_no_scope(serving, request)
        asked = letters.parse(request.scope["query_string"], cursors)
        return await serving.figures(request, asked, pages)

    routes.add_api_route(PATH, get_dead_letters, methods=["GET"], **dead_letters_openapi.describe())
    return routes


def _require_no_scope(serving: Serving, request: Request) -> None:
    """A dead letter is no action, so nothing in it can be held against a scope. Raises a Problem (401, 403)."""
    if not serving.access.sees_all(request):
        detail = "This key sees a part of the log; of a dead letter nobody can say which part it is of."
        raise Problem(403, "dead-letters-not-allowed", detail)

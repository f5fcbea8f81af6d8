"""GET /log: actions by filters, newest first, page by page."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api import formats, parameters
from query_api.cursor import Cursors
from query_api.gone import unless_gone
from query_api.page import Page, Pages
from query_api.parameters import Limits, PageRequest
from query_api.routes import log_openapi
from query_api.settings import Settings
from query_api.turns import Turns

PATH: Final = "/log"


def router(pages: Pages, turns: Turns, settings: Settings) -> APIRouter:
    """The route, with what it works on."""
    routes = APIRouter()
    limits = Limits(min(settings.default_limit, settings.max_limit), settings.max_limit)
    cursors = Cursors(settings.cursor_secret.get_secret_value())

    async def read_page(page_request: PageRequest) -> Page:
        async with turns.taken():
            return await pages.read(page_request)

    async def get_log(request: Request) -> Response:
        query: bytes = request.scope["query_string"]
        page_request = parameters.parse(query, limits, cursors)
        page = await unless_gone(request, read_page(page_request))
        next_cursor = None if page.next is None else cursors.encode(page.next, page_request.filters)
        headers = {"Cache-Control": "no-store"}
        if next_cursor is not None:
            headers["Link"] = _next_link(query, next_cursor)
        return Response(formats.encode_json(page.rows, next_cursor), headers=headers, media_type="application/json")

    routes.add_api_route(PATH, get_log, methods=["GET"], **log_openapi.describe(limits))
    return routes


def _next_link(query: bytes, next_cursor: str) -> str:
    """The next page's address, relative to this one's, so that it holds behind any proxy."""
    pairs = [(name, value) for name, value in parse_qsl(query.decode()) if name != "cursor"]
    return f'<?{urlencode([*pairs, ("cursor", next_cursor)])}>; rel="next"'

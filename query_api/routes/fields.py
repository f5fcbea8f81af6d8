"""GET /log/fields: which properties the newest matching actions have."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.browsing import fields
from query_api.browsing.fields import Fields
from query_api.paging.page import Pages
from query_api.routes import fields_openapi
from query_api.serving import Serving

PATH: Final = "/log/fields"


def router(serving: Serving, pages: Pages) -> APIRouter:
    """The route, with what it works on."""
    routes = APIRouter()
    sampled = Fields(pages, serving.settings)

    async def get_fields(request: Request) -> Response:
        asked = fields.parse(request.scope["query_string"], serving.scope(request))
        return await serving.figures(request, asked, sampled)

    routes.add_api_route(PATH, get_fields, methods=["GET"], **fields_openapi.describe())
    return routes

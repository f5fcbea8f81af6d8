"""GET /log/funnel: how many go from step to step."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.analytics import funnel
from query_api.analytics.funnel import Funnels
from query_api.routes import funnel_openapi
from query_api.serving import Serving

PATH: Final = "/log/funnel"


def router(serving: Serving) -> APIRouter:
    """The route, with what it works on."""
    routes = APIRouter()
    funnels = Funnels(serving.store, serving.estimates, serving.settings)

    async def get_funnel(request: Request) -> Response:
        asked = funnel.parse(request.scope["query_string"], serving.scope(request))
        return await serving.figures(request, asked, funnels)

    routes.add_api_route(PATH, get_funnel, methods=["GET"], **funnel_openapi.describe())
    return routes

"""GET /log/retention: who comes back, period after period."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.analytics import retention
from query_api.analytics.retention import Retentions
from query_api.routes import retention_openapi
from query_api.serving import Serving

PATH: Final = "/log/retention"


def router(serving: Serving) -> APIRouter:
    """The route, with what it works on."""
    routes = APIRouter()
    retentions = Retentions(serving.store, serving.estimates, serving.settings)

    async def get_retention(request: Request) -> Response:
        asked = retention.parse(request.scope["query_string"], serving.scope(request))
        return await serving.figures(request, asked, retentions)

    routes.add_api_route(PATH, get_retention, methods=["GET"], **retention_openapi.describe())
    return routes

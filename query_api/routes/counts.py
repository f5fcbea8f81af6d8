"""GET /log/counts: how many, of whom and how much, by groups and over time."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.analytics import counts_parameters
from query_api.analytics.counts import Counts
from query_api.routes import counts_openapi
from query_api.serving import Serving

PATH: Final = "/log/counts"


def router(serving: Serving) -> APIRouter:
    """The route, with what it works on."""
    settings = serving.settings
    routes = APIRouter()
    counts = Counts(serving.store, serving.estimates, settings)

    async def get_counts(request: Request) -> Response:
        raw_query: bytes = request.scope["query_string"]
        asked = counts_parameters.parse(raw_query, settings.max_groups, serving.scope(request))
        return await serving.figures(request, asked, counts)

    routes.add_api_route(PATH, get_counts, methods=["GET"], **counts_openapi.describe(settings.max_groups))
    return routes

"""GET /log/{id}: where is my action?"""

import re
import uuid
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from kit.problem import FieldError, Problem
from query_api.filtering.query_string import QueryString
from query_api.gone import unless_gone
from query_api.live.kafka_ranges import Ranges
from query_api.live.place import Place, Places
from query_api.routes import place_openapi
from query_api.serving import Serving

PATH: Final = "/log/{id}"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


def router(serving: Serving, ranges: Ranges) -> APIRouter:
    """The route, with what it works on. To be included after every other /log/…, since it takes any one word."""
    routes = APIRouter()
    places = Places(serving.store, serving.estimates, serving.receipts.watermark, ranges, serving.settings)

    async def get_place(request: Request) -> Response:
        scope = serving.scope(request)
        QueryString(request.scope["query_string"], ()).raise_errors()
        event_id = _parse(request.path_params["id"])
        found, work = await serving.run(request, lambda work: places.lookup(event_id, scope, work))
        if not isinstance(found, Place):
            found = await unless_gone(request, places.in_flight(event_id, scope, found))
        return serving.answer(msgspec.json.encode(found), work)

    routes.add_api_route(PATH, get_place, methods=["GET"], **place_openapi.describe())
    return routes


def _parse(text: str) -> uuid.UUID:
    if not _UUID(text):
        reason = "not a UUID in its 36 characters"
        raise Problem(400, "invalid-request", f"id: {reason}", errors=[FieldError(path="id", reason=reason)])
    return uuid.UUID(text)

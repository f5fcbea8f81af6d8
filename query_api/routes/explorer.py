"""GET /: the explorer, a page that looks at what was stored; and its files under /assets.

The page is public: what it shows, it asks for with the reader's key, as anybody does.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from kit.problem import Problem
from query_api.settings import Settings

_INDEX: Final = "index.html"
# The page loads and asks nothing but what this service serves. Strangers write the actions: whatever of one came to
# be read as HTML could neither run nor send anything.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_NEWEST: Final = {"Cache-Control": "no-cache"}  # kept, and asked for again each time: the answer is 304
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}  # another content has another name
_METHODS: Final = ["GET", "HEAD"]
_HOW_TO_BUILD: Final = (
    "The explorer is not built, or not where QUERY_EXPLORER_FOLDER says. To build it: make explorer, or, with "
    "Node 20.19 or newer, cd browser/explorer && npm ci && npm run build. The API works without it: see /docs."
)


class Files(StaticFiles):
    """A folder's files with these headers; what lies outside of it is not found."""

    def __init__(self, folder: Path, headers: Mapping[str, str]) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._headers = {**_HEADERS, **headers}

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(self._headers)
        return response


def router(settings: Settings) -> APIRouter:
    """The routes. The folder may come and go while they serve; they are no part of the API's description."""
    routes = APIRouter(include_in_schema=False)
    folder = settings.explorer_folder
    page, assets = Files(folder, _NEWEST), Files(folder / "assets", _FOR_EVER)

    async def get_page(request: Request) -> Response:
        if not (folder / _INDEX).is_file():
            raise Problem(404, "explorer-not-built", _HOW_TO_BUILD)
        return await page.get_response(_INDEX, request.scope)

    async def get_asset(request: Request, name: str) -> Response:
        return await assets.get_response(name, request.scope)

    routes.add_api_route("/", get_page, methods=_METHODS)
    routes.add_api_route("/assets/{name}", get_asset, methods=_METHODS)
    return routes

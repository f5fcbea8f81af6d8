"""GET /log: actions by filters, page by page, or all in one stream."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.exporting import export, export_sql
from query_api.exporting.export import Exports, Summary
from query_api.exporting.export_formats import JSON
from query_api.paging import formats, parameters
from query_api.paging.cursor import Cursors, Position
from query_api.paging.page import Page, Pages
from query_api.paging.parameters import Limits, PageRequest
from query_api.routes import log_openapi
from query_api.serving import Serving
from query_api.work import Work

PATH: Final = "/log"


def router(serving: Serving, pages: Pages) -> APIRouter:
    """The route, with what it works on."""
    settings = serving.settings
    routes = APIRouter()
    limits = Limits(min(settings.default_limit, settings.max_limit), settings.max_limit)
    cursors = Cursors(settings.cursor_secret.get_secret_value())
    exports = Exports(serving)

    async def dry_run(request: Request, asked: PageRequest) -> Response:
        if asked.everything:
            return await serving.dry_run(request, export.query(asked), most_rows=settings.max_export_rows)
        query, _ = await serving.run(request, lambda work: pages.first_query(asked, work))
        return await serving.dry_run(request, query)

    def encoded(position: Position | None, asked: PageRequest) -> str | None:
        return None if position is None else cursors.encode(position, asked.filters, asked.page_order)

    async def body(page: Page, next_cursor: str | None, asked: PageRequest, work: Work) -> bytes:
        if asked.fmt is JSON:
            return formats.encode_json(page.rows, next_cursor)
        rows, structure = formats.encode_table(page.rows), export_sql.PAGE_STRUCTURE
        written = await serving.store.formatted(export_sql.page(asked.fmt), asked.fmt.clickhouse, rows, structure, work)
        summary = Summary(asked)
        summary.note(written)
        return written + summary.line(next=next_cursor)

    async def read(asked: PageRequest, work: Work) -> tuple[bytes, str | None]:
        """The answer's body, and the next page's cursor."""
        page = await pages.read(asked, work)
        next_cursor = encoded(page.next, asked)
        return await body(page, next_cursor, asked, work), next_cursor

    async def get_log(request: Request) -> Response:
        raw_query: bytes = request.scope["query_string"]
        accept = request.headers.get("accept")
        asked = parameters.parse(raw_query, limits, cursors, serving.scope(request), accept)
        if asked.dry_run:
            return await dry_run(request, asked)
        if asked.everything:
            return exports.answer(request, asked)
        (written, next_cursor), work = await serving.run(request, lambda work: read(asked, work))
        link = {"Link": _next_link(raw_query, next_cursor)} if next_cursor else {}
        headers = {**serving.headers(work), "Vary": "Accept", **link}
        return Response(written, headers=headers, media_type=asked.fmt.media_type)

    routes.add_api_route(PATH, get_log, methods=["GET"], **log_openapi.describe(limits))
    return routes


def _next_link(query: bytes, next_cursor: str) -> str:
    """The next page's address, relative to this one's, so that it holds behind any proxy."""
    pairs = [(name, value) for name, value in parse_qsl(query.decode(), keep_blank_values=True) if name != "cursor"]
    return f'<?{urlencode([*pairs, ("cursor", next_cursor)])}>; rel="next"'

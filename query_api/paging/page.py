"""A page: windows read one by one until it is full."""

import math
import uuid
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from query_api import metrics
from query_api.paging import sql
from query_api.paging.cursor import Order, Position
from query_api.paging.extent import Extents
from query_api.paging.formats import Row
from query_api.paging.parameters import PageRequest
from query_api.paging.windows import Window, following, windows
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

_decoder = result_decoder(Row)


@dataclass(frozen=True, slots=True)
class Page:
    """The rows in the request's order, and where the next page begins; None on the last one."""

    rows: Sequence[Row]
    next: Position | None


class Pages:
    """Reads pages from the store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._extents = Extents(store, max_age_s=settings.extent_max_age_ms / 1000)

    async def read(self, request: PageRequest, work: Work) -> Page:
        """Raises StoreError."""
        wanted = request.limit + 1  # one more tells whether there is a next page
        rows: list[Row] = []
        sizes = Sizes(self._settings, few=_finds_few(request))
        cuts = await self.windows(request, work)
        window: Window | None = next(cuts)
        while window is not None:
            query = sql.page(request.filters, window, request.position, wanted - len(rows), request.page_order)
            rows += await self._store.fetch(query, work, _decoder)
            sizes.queries += 1
            window = None if len(rows) == wanted else following(cuts, sizes.factor(len(rows), wanted))
        metrics.PAGE_WINDOWS.observe(sizes.queries)
        page = _page(rows, request.limit)
        metrics.PAGE_ROWS.observe(len(page.rows))
        return page

    async def first_query(self, request: PageRequest, work: Work) -> Query:
        """The query that a page begins with, often the only one; raises StoreError."""
        window = next(await self.windows(request, work))
        return sql.page(request.filters, window, request.position, request.limit + 1, request.page_order)

    async def windows(self, request: PageRequest, work: Work) -> Generator[Window, float | None, None]:
        """The stretches of time in which the page is looked for, one after the other; raises StoreError."""
        extent = await self._extents.current(work)
        return windows(
            _span(request),
            extent,
            first_rows=self._settings.first_window_rows,
            growth=self._settings.window_growth,
            oldest_first=request.page_order is Order.ASC,
        )


class Sizes:
    """How large each further stretch is, by what the ones before held.

    A user's or a session's actions may be few, and the table's filters find them: stretches then grow by up to the
    square of the setting.
    """

    def __init__(self, settings: Settings, *, few: bool) -> None:
        self.queries = 0
        self._most = float(settings.window_growth**2 if few else settings.window_growth)
        self._last = self._seen = 1.0  # in sizes of the first stretch
        self._found = 0

    def factor(self, found: int, wanted: int) -> float:
        """Large enough for what is missing if it is as dense as so far, and half as much again; at least 2, so that
        the stretches stay few, and all it may be when the last one held nothing."""
        missing = 1.5 * (wanted - found) * self._seen / found if found > self._found else math.inf
        factor = min(max(missing / self._last, 2.0), self._most)
        self._found = found
        self._last *= factor
        self._seen += self._last
        return factor


def _finds_few(request: PageRequest) -> bool:
    return bool(request.filters.user_ids or request.filters.session_ids)


def _span(request: PageRequest) -> Window:
    """The filters' span, from the position on."""
    lower_us, upper_us = request.filters.lower_us, request.filters.upper_us
    if request.position is not None and request.page_order is Order.DESC:
        below_us = request.position.time_us + 1
        upper_us = below_us if upper_us is None else min(upper_us, below_us)
    elif request.position is not None:
        lower_us = request.position.time_us if lower_us is None else max(lower_us, request.position.time_us)
    return Window(lower_us, upper_us)


def _page(rows: list[Row], limit: int) -> Page:
    if len(rows) <= limit:
        return Page(rows, None)
    shown = rows[:limit]
    last = shown[-1]
    return Page(shown, Position(last.time_us, uuid.UUID(last.event_id)))

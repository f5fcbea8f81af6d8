"""A page: windows read newest first until it is full."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from query_api import metrics, sql
from query_api.cursor import Position
from query_api.deadline import Deadline
from query_api.extent import Extents
from query_api.formats import Row, decode_rows
from query_api.parameters import PageRequest
from query_api.settings import Settings
from query_api.store import Store
from query_api.windows import Window, windows


@dataclass(frozen=True, slots=True)
class Page:
    """The rows, newest first, and where the next page begins; None on the last one."""

    rows: Sequence[Row]
    next: Position | None


class Pages:
    """Reads pages from the store, each within its own deadline."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._extents = Extents(store, max_age_s=settings.extent_max_age_ms / 1000)

    async def read(self, request: PageRequest) -> Page:
        """Raises StoreError."""
        deadline = Deadline(self._settings.query_timeout_ms / 1000)
        wanted = request.limit + 1  # one more tells whether there is a next page
        rows: list[Row] = []
        queries = 0
        for window in await self._windows(request, deadline):
            rows += await self._rows(request, window, wanted - len(rows), deadline)
            queries += 1
            if len(rows) == wanted:
                break
        metrics.PAGE_WINDOWS.observe(queries)
        page = _page(rows, request.limit)
        metrics.PAGE_ROWS.observe(len(page.rows))
        return page

    async def _windows(self, request: PageRequest, deadline: Deadline) -> Sequence[Window]:
        filters, position = request.filters, request.position
        upper_us = filters.end_us
        if position is not None:
            below_us = position.time_us + 1
            upper_us = below_us if upper_us is None else min(upper_us, below_us)
        return list(
            windows(
                Window(filters.start_us, upper_us),
                await self._extents.current(deadline),
                first_rows=self._settings.first_window_rows,
                growth=self._settings.window_growth,
            )
        )

    async def _rows(self, request: PageRequest, window: Window, rows: int, deadline: Deadline) -> list[Row]:
        query = sql.page(request.filters, window, request.position, rows)
        return decode_rows(await self._store.fetch(query, timeout_s=deadline.remaining_s()))


def _page(rows: list[Row], limit: int) -> Page:
    if len(rows) <= limit:
        return Page(rows, None)
    shown = rows[:limit]
    last = shown[-1]
    return Page(shown, Position(last.time_us, uuid.UUID(last.event_id)))

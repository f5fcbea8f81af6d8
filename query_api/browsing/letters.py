"""Dead letters: pages of the records that could not be stored, with the reasons."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from query_api.browsing import letters_sql
from query_api.browsing.letters_sql import LetterRow
from query_api.estimate import Estimates
from query_api.filtering.filter_parameters import read_filters
from query_api.filtering.filters import Filters
from query_api.filtering.moments import from_us
from query_api.filtering.query_string import QueryString, whole_number
from query_api.paging.cursor import Cursors, Position
from query_api.query import Query
from query_api.store import Store, result_decoder
from query_api.work import Work

NAMES: Final = ("startTime", "endTime", "limit", "cursor", "dryRun")
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
SHOWN_BYTES: Final = 16_384  # of a key and of a value; the rest is told by `python -m consumer dead-letters show`
_decoder = result_decoder(LetterRow)


@dataclass(frozen=True, slots=True)
class LettersRequest:
    """One page: the filters have times alone, those of ``stored_at``."""

    filters: Filters
    limit: int = DEFAULT_LIMIT
    position: Position | None = None
    dry_run: bool = False


class Letter(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One record; key and value as text, U+FFFD in the place of what is no UTF-8; ``error_code`` is ClickHouse's, 0 for
    a record that is no action.
    """

    id: str
    partition: int
    offset: int
    recorded_at: datetime
    stored_at: datetime
    reason: str
    error_code: int
    key: str
    value: str
    truncated: bool


class LettersPage(msgspec.Struct, frozen=True, rename="camel"):
    """The body of the answer; ``next`` is the cursor of the next page, None on the last one."""

    dead_letters: list[Letter]
    next: str | None


def parse(raw_query: bytes, cursors: Cursors) -> LettersRequest:
    """Raises a Problem (400) that lists every wrong parameter."""
    query = QueryString(raw_query, NAMES)
    filters = read_filters(query)
    limit = query.read("limit", whole_number(1, MAX_LIMIT)) or DEFAULT_LIMIT
    dry_run = query.flag("dryRun")
    found = None if query.errors else query.read("cursor", lambda text: cursors.decode(text, filters))
    query.raise_errors()
    position, filters = found or (None, filters)
    return LettersRequest(filters, limit, position, dry_run)


@dataclass(frozen=True, slots=True)
class Letters:
    """Reads dead letters of the topic from the store."""

    store: Store
    estimates: Estimates
    cursors: Cursors
    topic: str

    async def read(self, request: LettersRequest, work: Work) -> LettersPage:
        """Raises StoreError, and a Problem (400) when too many rows would be read."""
        query = self._query(request, request.limit + 1)  # one more tells whether there is a next page
        await self.estimates.check(query, work)
        rows = await self.store.fetch(query, work, _decoder)
        shown = [_letter(row) for row in rows[: request.limit]]
        return LettersPage(shown, self._next(rows, request))

    async def first_query(self, request: LettersRequest, work: Work) -> Query:
        return self._query(request, request.limit + 1)

    def _query(self, request: LettersRequest, rows: int) -> Query:
        return letters_sql.newest(request.filters, self.topic, request.position, rows, SHOWN_BYTES)

    def _next(self, rows: list[LetterRow], request: LettersRequest) -> str | None:
        if len(rows) <= request.limit:
            return None
        last = rows[request.limit - 1]
        return self.cursors.encode(Position(last.stored_ms * 1000, uuid.UUID(last.event_id)), request.filters)


def _letter(row: LetterRow) -> Letter:
    return Letter(
        row.event_id,
        row.partition,
        row.offset,
        from_us(row.recorded_ms * 1000, 0),
        from_us(row.stored_ms * 1000, 0),
        row.reason,
        row.error_code,
        _whole(row.key) if row.truncated else row.key,
        _whole(row.value) if row.truncated else row.value,
        bool(row.truncated),
    )


def _whole(text: str) -> str:
    """Without the beginning of a character that was cut."""
    return text.rstrip("\ufffd") if len(text.encode()) >= SHOWN_BYTES else text

"""Serving: what every reading route does around its own work."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kit.problem import Problem
from query_api.access.access import Access
from query_api.estimate import Estimates, dry_run
from query_api.filtering.filters import Scope
from query_api.gone import unless_gone
from query_api.live.receipts import Receipts
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store
from query_api.turns import Turns
from query_api.work import Work

T = TypeVar("T")


class Dryable(Protocol):
    """A request that may only want to know what it would cost."""

    @property
    def dry_run(self) -> bool: ...


Asked = TypeVar("Asked", bound=Dryable)
_Asked = TypeVar("_Asked", contravariant=True)


class Figures(Protocol[_Asked]):
    """Computes what a request asks for, to be written as JSON; both raise StoreError, Problem."""

    async def first_query(self, request: _Asked, work: Work, /) -> Query: ...

    async def read(self, request: _Asked, work: Work, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes share: the store, the turns to use it, the bounds, and who may ask."""

    settings: Settings
    store: Store
    turns: Turns
    estimates: Estimates
    access: Access
    receipts: Receipts

    def scope(self, request: Request) -> Scope:
        """What this request's key may see; raises a Problem (401)."""
        return self.access.scope(request)

    async def run(self, request: Request, job: Callable[[Work], Awaitable[T]]) -> tuple[T, Work]:
        """The job's result and what it took. Waits for a turn, ends it in time, and when the client leaves.

        Raises StoreError, ClientGone, a Problem (see ``begun``) and whatever the job does.
        """

        async def in_turn() -> tuple[T, Work]:
            work = await self.begun(request)
            async with self.turns.taken():
                return await job(work), work

        return await unless_gone(request, in_turn())

    async def figures(self, request: Request, asked: Asked, figures: Figures[Asked]) -> Response:
        """The answer of a route that computes figures, or with ``dryRun=true`` the query that it would begin with."""
        if asked.dry_run:
            query, _ = await self.run(request, lambda work: figures.first_query(asked, work))
            return await self.dry_run(request, query)
        answer, work = await self.run(request, lambda work: figures.read(asked, work))
        return self.answer(msgspec.json.encode(answer), work)

    async def begun(self, request: Request) -> Work:
        """The work of a request, from the moment when what its ``after`` stands for is stored; that wait holds no turn.

        Raises a Problem (400, 409, 503, 504) when ``after`` is wrong or is not stored in time.
        """
        told = await self.receipts.awaited(request)
        return Work(self.settings.query_timeout_ms / 1000, tells_cost=self.access.sees_all(request), told=told)

    async def dry_run(self, request: Request, query: Query, most_rows: int | None = None) -> Response:
        """The answer to ``dryRun=true``: nothing but the estimate is asked of ClickHouse.

        most_rows   how many it may read; None is QUERY_MAX_ROWS_TO_READ

        Raises a Problem (403) for a key with a scope: what a query would read tells of what lies beyond it.
        """
        if not self.access.sees_all(request):
            raise Problem(403, "dry-run-not-allowed", "This key sees a part of the log; an estimate counts all of it.")
        estimate, _ = await self.run(request, lambda work: self.estimates.of(query, work))
        return dry_run(query, estimate, most_rows or self.settings.max_rows_to_read)

    def answer(self, body: bytes, work: Work, headers: dict[str, str] | None = None) -> Response:
        """A JSON answer with what it cost."""
        return Response(body, headers={**self.headers(work), **(headers or {})}, media_type="application/json")

    def headers(self, work: Work) -> dict[str, str]:
        """What every answer says: what it cost, and up to where everything is in it."""
        return {"Cache-Control": "no-store", **work.headers(), **work.told.headers()}

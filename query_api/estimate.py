"""The estimate: what a query would read, known before it runs, and the refusal of what would be too much."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import Response

from kit.problem import Problem
from query_api.query import Query
from query_api.store import Store, result_decoder
from query_api.work import Work

_decoder = result_decoder(tuple[str, str, int, int, int])  # database, table, parts, rows, marks


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the table's index leaves to be read: parts, rows and marks (granules of 8192 rows)."""

    parts: int
    rows: int
    marks: int


class Estimates:
    """Asks ClickHouse before it works; refuses over ``most_rows`` rows."""

    def __init__(self, store: Store, *, most_rows: int, setting: str = "QUERY_MAX_ROWS_TO_READ") -> None:
        self._store = store
        self._most_rows = most_rows
        self._setting = setting

    async def of(self, query: Query, work: Work) -> Estimate:
        """Raises StoreError."""
        # ClickHouse holds an EXPLAIN to the bound on rows too, and then has no estimate to tell.
        explained = Query(f"EXPLAIN ESTIMATE\n{query.text}", query.parameters, {"max_rows_to_read": 0})
        # Of a table that reads all shards it would tell what one of them reads: so each is asked for its own.
        answers = await asyncio.gather(*(shard.fetch(explained, work, _decoder) for shard in self._store.shards))
        found = [row for answer in answers for row in answer]
        return Estimate(
            parts=sum(parts for _, _, parts, _, _ in found),
            rows=sum(rows for _, _, _, rows, _ in found),
            marks=sum(marks for _, _, _, _, marks in found),
        )

    async def check(self, query: Query, work: Work) -> Estimate:
        """The same; raises a Problem (400) when it is over the bound."""
        estimate = await self.of(query, work)
        if estimate.rows > self._most_rows:
            raise Problem(
                400,
                "too-many-rows",
                f"This would read {_about(estimate, work)} rows; a request may read {self._most_rows:,} "
                f"({self._setting}). Ask for a shorter time range (startTime, endTime), or add userId or type.",
            )
        return estimate


def _about(estimate: Estimate, work: Work) -> str:
    return f"about {estimate.rows:,}" if work.tells_cost else "too many"


def dry_run(query: Query, estimate: Estimate, most_rows: int) -> Response:
    """The answer to ``dryRun=true``: the SQL, the values it binds, and the estimate."""
    body: Mapping[str, Any] = {
        "sql": query.text,
        "parameters": query.parameters,
        "estimate": {"rows": estimate.rows, "parts": estimate.parts, "marks": estimate.marks},
        "maxRows": most_rows,
    }
    return Response(msgspec.json.encode(body), headers={"Cache-Control": "no-store"}, media_type="application/json")

"""Work: what one request may take at ClickHouse, and what it has taken so far."""

import time

import msgspec

from query_api.errors import QueryTimedOut
from query_api.live.receipts import Told


class Statistics(msgspec.Struct, frozen=True, gc=False):
    """What ClickHouse says of one query: seconds, rows and bytes read."""

    elapsed: float = 0.0
    rows_read: int = 0
    bytes_read: int = 0


class Work:
    """The time that all queries of one request may take together, from its making; and what they read."""

    def __init__(self, timeout_s: float, *, tells_cost: bool = True, told: Told | None = None) -> None:
        self.timeout_s = timeout_s
        self.told = told or Told()  # of the watermark, as it was before the first query
        self.tells_cost = tells_cost  # to a key with a scope it would tell how much lies beyond
        self.queries = 0
        self.rows_read = 0
        self.bytes_read = 0
        self.clickhouse_s = 0.0  # as ClickHouse counts it
        self.waited_s = 0.0  # with the way there and back
        self._started = time.monotonic()

    def remaining_s(self) -> float:
        """Seconds left, above 0; raises QueryTimedOut when there are none."""
        remaining_s = self._started + self.timeout_s - time.monotonic()
        if remaining_s <= 0:
            raise QueryTimedOut(f"the queries of this request took longer than {self.timeout_s:g} s")
        return remaining_s

    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def note(self, statistics: Statistics, waited_s: float) -> None:
        """Add one query's statistics; ``waited_s`` is how long its answer took here."""
        self.queries += 1
        self.rows_read += statistics.rows_read
        self.bytes_read += statistics.bytes_read
        self.clickhouse_s += statistics.elapsed
        self.waited_s += waited_s

    def headers(self) -> dict[str, str]:
        """What every answer says of its cost."""
        if not self.tells_cost:
            return {"Server-Timing": f"total;dur={self.elapsed_s() * 1000:.1f}"}
        return {
            "Server-Timing": (
                f"clickhouse;dur={self.clickhouse_s * 1000:.1f}, store;dur={self.waited_s * 1000:.1f}, "
                f"total;dur={self.elapsed_s() * 1000:.1f}"
            ),
            "Actionlog-Rows-Read": str(self.rows_read),
            "Actionlog-Bytes-Read": str(self.bytes_read),
        }

"""The store: ClickHouse as query_api sees it, and the only module that knows its client."""

import asyncio
import re
import time
from typing import Any, Final

import structlog
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

import kit.clickhouse
from contract.tables import ACTIONS
from query_api import metrics, sql
from query_api.errors import (
    QueryOutOfMemory,
    QueryTimedOut,
    StoreError,
    StoreNotSetUp,
    StoreRefused,
    StoreUnavailable,
)
from query_api.settings import Settings

_GRACE_S: Final = 1.0  # ClickHouse ends a query by itself; this much later we give up on ClickHouse
_CHECK_TIMEOUT_S: Final = 1.0  # below the two seconds a readiness check may take, grace included
_log = structlog.get_logger(__name__)

# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
_TOO_LONG: Final = {159, 160}  # TIMEOUT_EXCEEDED, TOO_SLOW
_TOO_LARGE: Final = {241}  # MEMORY_LIMIT_EXCEEDED
_NO_TABLE: Final = {60, 81}  # UNKNOWN_TABLE, UNKNOWN_DATABASE
_NO_COLUMN: Final = {16, 47}  # NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER
_NO_ACCESS: Final = {192, 193, 194, 497, 516}  # UNKNOWN_USER, passwords, ACCESS_DENIED, AUTHENTICATION_FAILED
_BUSY: Final = {202, 203, 236, 394, 439}  # TOO_MANY_SIMULTANEOUS_QUERIES, memory, ABORTED, cancelled, no thread


class Store:
    """Runs queries. Makes its client at the first need, so the service starts while ClickHouse is away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._failure: tuple[float, StoreError] | None = None
        self._trouble: str | None = None

    async def fetch(self, query: sql.Query, *, timeout_s: float) -> bytes:
        """The answer's rows as bytes, whole or not at all; raises StoreError.

        ClickHouse ends the query after timeout_s seconds; when this coroutine is cancelled, the connection is closed
        and ClickHouse ends it then.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                client = await self._connected()
                answer = await client.raw_query(query.text, dict(query.parameters), settings=self._bounds(timeout_s))
        except TimeoutError as error:
            raise self._noted(StoreUnavailable("ClickHouse gave no answer in time")) from error
        except ClickHouseError as error:
            raise self._noted(self._translated(error)) from error
        finally:
            metrics.CLICKHOUSE_SECONDS.observe(time.monotonic() - started)
        names, _, rows = answer.partition(b"\n")
        if not names:  # what a ClickHouse whose disk is full answers with 200
            raise self._noted(StoreUnavailable("ClickHouse's answer was cut short: is its disk full?"))
        self._note_success()
        return rows

    async def check(self) -> str | None:
        """None when queries can be answered, else why not and what to do."""
        try:
            await self.fetch(sql.check(), timeout_s=_CHECK_TIMEOUT_S)
        except StoreError as error:
            return str(error)
        return None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _bounds(self, timeout_s: float) -> dict[str, Any]:
        """The settings of every query: all its bounds, and how it answers."""
        return {
            "readonly": 2,  # only reads; and a POST is cancelled when the client goes only if it is readonly
            "cancel_http_readonly_queries_on_client_close": 1,
            "wait_end_of_query": 1,  # an error is a status, never a 200 cut short
            "max_execution_time": max(0.001, round(timeout_s, 3)),
            "max_memory_usage": self._settings.query_memory_bytes,
            "output_format_json_quote_64bit_integers": 0,
            "output_format_json_escape_forward_slashes": 0,
        }

    async def _connected(self) -> AsyncClient:
        """The client; one attempt to make it at a time, and a failed one answers for all within the pause after it."""
        if self._client is not None:
            return self._client
        async with self._connecting:
            if self._client is None:
                self._raise_recent_failure()
                self._client = await self._connect()
            return self._client

    def _raise_recent_failure(self) -> None:
        if self._failure is not None:
            failed_at, failure = self._failure
            if time.monotonic() - failed_at < self._settings.reconnect_pause_ms / 1000:
                raise type(failure)(str(failure))

    async def _connect(self) -> AsyncClient:
        try:
            async with asyncio.timeout(self._settings.clickhouse_connect_timeout_s):
                client = await kit.clickhouse.connect(
                    self._settings, answer_timeout_s=self._settings.query_timeout_ms / 1000 + _GRACE_S
                )
        except TimeoutError as error:
            raise self._failed(StoreUnavailable("ClickHouse does not answer")) from error
        except ClickHouseError as error:
            raise self._failed(self._translated(error)) from error
        _log.info("connected to ClickHouse", url=self._settings.clickhouse_url, version=client.server_version)
        return client

    def _failed(self, failure: StoreError) -> StoreError:
        self._failure = (time.monotonic(), failure)
        return self._noted(failure)

    def _noted(self, error: StoreError) -> StoreError:
        """Count it; log it once, not with every request."""
        metrics.CLICKHOUSE_ERRORS.labels(type(error).__name__).inc()
        if isinstance(error, StoreUnavailable | StoreNotSetUp) and str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("cannot read from ClickHouse", reason=self._trouble, url=self._settings.clickhouse_url)
        return error

    def _note_success(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            _log.info("reading from ClickHouse again")

    def _translated(self, error: ClickHouseError) -> StoreError:
        code = getattr(error, "code", None)
        table = f"{self._settings.clickhouse_database}.{ACTIONS}"
        if code is None:
            return StoreUnavailable("ClickHouse cannot be reached")
        if code in _TOO_LONG:
            return QueryTimedOut("the queries of this request took longer than they may")
        if code in _TOO_LARGE:
            return QueryOutOfMemory("a query of this request needs more memory than it may use")
        if code in _NO_TABLE:
            return StoreNotSetUp(f"table {table} does not exist: run python -m deploy.setup")
        if code in _NO_COLUMN:
            return StoreNotSetUp(f"table {table} lacks {_column(error)}: run python -m deploy.setup")
        if code in _NO_ACCESS:
            return StoreUnavailable(f"ClickHouse refuses the user {self._settings.clickhouse_user} (code {code})")
        if code in _BUSY:
            return StoreUnavailable(f"ClickHouse is too busy (code {code})")
        _log.error("ClickHouse refused a query", code=code, error=str(error))
        return StoreRefused(f"ClickHouse refused the query (code {code})")


def _column(error: ClickHouseError) -> str:
    found = re.search(r"identifier[s:]* [`']?(\w+)", str(error))
    return f"the column {found[1]}" if found else "a column"

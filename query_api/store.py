"""The store: ClickHouse as query_api sees it, and the only module that knows its client."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog

from contract.tables import ACTIONS, all_shards
from query_api import metrics
from query_api.clickhouse.client import MOST_CONNECTIONS, Address, ClickHouseError, Client
from query_api.clickhouse.request import Table
from query_api.errors import (
    QueryOutOfMemory,
    QueryReadsTooMuch,
    QueryTimedOut,
    StoreError,
    StoreNotSetUp,
    StoreRefused,
    StoreUnavailable,
)
from query_api.paging import sql
from query_api.query import Query
from query_api.settings import Settings
from query_api.stream import StreamCut, guarded
from query_api.work import Statistics, Work

_GRACE_S: Final = 1.0  # ClickHouse ends a query by itself; this much later we give up on ClickHouse
_CHECK_TIMEOUT_S: Final = 1.0  # below the two seconds a readiness check may take, grace included
_WITHOUT_A_TURN: Final = 4  # queries: readiness, the extent
_ALWAYS_THERE: Final = "system"  # a database: ours may be missing yet
_CUT_SHORT: Final = "ClickHouse's answer was cut short: is its disk full?"  # then it answers 200 with nothing
_log = structlog.get_logger(__name__)

# https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
_TOO_LONG: Final = {159, 160}  # TIMEOUT_EXCEEDED, TOO_SLOW
_TOO_LARGE: Final = {241}  # MEMORY_LIMIT_EXCEEDED
_TOO_MANY: Final = {158, 307}  # TOO_MANY_ROWS, TOO_MANY_BYTES
_ANSWERS_TOO_MUCH: Final = {396}  # TOO_MANY_ROWS_OR_BYTES, of an answer or of what is set aside on disk
_NO_TABLE: Final = {60, 81}  # UNKNOWN_TABLE, UNKNOWN_DATABASE
_NO_COLUMN: Final = {16, 47}  # NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER
_NO_ACCESS: Final = {192, 193, 194, 497, 516}  # UNKNOWN_USER, passwords, ACCESS_DENIED, AUTHENTICATION_FAILED
_BUSY: Final = {202, 203, 236, 394, 439}  # TOO_MANY_SIMULTANEOUS_QUERIES, memory, ABORTED, cancelled, no thread
# EOF, a name that does not resolve, SOCKET_TIMEOUT, NETWORK_ERROR, ALL_CONNECTION_TRIES_FAILED, ALL_REPLICAS_LOST
_SHARD_AWAY: Final = {32, 198, 209, 210, 279, 415}

# On the tables that read every shard.
_CLUSTER: Final = {
    "skip_unavailable_shards": 0,  # an answer is whole, or it is none
    "distributed_product_mode": "global",  # a subquery on the actions is of those on all shards too
}


T = TypeVar("T")


class Result(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """An answer in ClickHouse's format JSONCompact, as much of it as is needed here."""

    data: list[T]
    statistics: Statistics


def result_decoder(row: type[T]) -> msgspec.json.Decoder[Result[T]]:
    """A decoder of answers whose rows, JSON arrays, are such a tuple or array-like struct."""
    return msgspec.json.Decoder(Result[row])  # type: ignore[valid-type]


_checked = result_decoder(tuple[Any, ...])
_count = result_decoder(tuple[int])


class Store:
    """Runs queries. Makes its client at the first need, so the service starts while ClickHouse is away.

    shards   the servers that have the rows, to be asked for what only they know: a cluster's shards, else itself
    """

    def __init__(self, settings: Settings, *, shard: str | None = None) -> None:
        """``shard``: its URL, where only its own rows are to be seen; by default those of the whole cluster are."""
        self._settings = settings
        self._url = shard or settings.clickhouse_url
        self._reads_all = bool(settings.clickhouse_shard_urls) and shard is None
        own = settings.clickhouse_database
        self._database = all_shards(own) if self._reads_all else own
        self.shards: Sequence[Store] = (
            tuple(Store(settings, shard=url) for url in settings.shard_urls) if self._reads_all else (self,)
        )
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._failure: tuple[float, StoreError] | None = None
        self._trouble: str | None = None

    async def fetch(self, query: Query, work: Work, decoder: msgspec.json.Decoder[Result[T]]) -> list[T]:
        """The answer's rows, all of them or none; raises StoreError. Bytes that are no UTF-8 (no sink of ours stores
        any) become U+FFFD.

        ClickHouse ends the query when the work's time is over; when this coroutine is cancelled, the connection is
        closed and ClickHouse ends it then.
        """
        started = time.monotonic()
        answer = await self._answer(f"{query.text}\nFORMAT JSONCompact", query, work)
        try:
            result = decoder.decode(answer)
        except msgspec.DecodeError as error:
            raise self._noted(StoreUnavailable(_CUT_SHORT)) from error
        self._note_success()
        work.note(result.statistics, time.monotonic() - started)
        return result.data

    async def formatted(self, query: Query, fmt: str, rows: bytes, structure: str, work: Work) -> bytes:
        """The answer's bytes in ClickHouse's format ``fmt``; the query reads ``page``, a table of these rows in
        JSONCompactEachRow. Raises StoreError."""
        table = Table("page", rows, "JSONCompactEachRow", structure)
        answer = await self._answer(f"{query.text}\nFORMAT {fmt}", query, work, table)
        if rows and not answer:
            raise self._noted(StoreUnavailable(_CUT_SHORT))
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, query: Query, fmt: str, work: Work) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer's bytes in ClickHouse's format ``fmt`` as they come, at least one piece of them.

        Raises StoreError, also from within the context when the answer ends before its end.

        ClickHouse is told to stop when the context is left early.
        """
        timeout_s = work.remaining_s()
        bounds = {"wait_end_of_query": 0, "max_rows_to_read": self._settings.max_export_rows}
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                client = await self._connected()
                settings = self._bounds(timeout_s) | bounds
                text = f"{query.text}\nFORMAT {fmt}"
                async with client.stream(text, query.parameters, settings) as chunks:
                    yield guarded(chunks)
        except TimeoutError as error:
            raise self._noted(QueryTimedOut("the export took longer than it may")) from error
        except (ClickHouseError, StreamCut) as error:
            raise self._noted(self._translated(error)) from error

    async def _answer(
        self, text: str, query: Query, work: Work, table: Table | None = None, *, may_repeat: bool = True
    ) -> bytes:
        started, timeout_s = time.monotonic(), work.remaining_s()
        try:
            async with asyncio.timeout(timeout_s + _GRACE_S):
                client = await self._connected()
                bounds = {**self._bounds(timeout_s), **query.bounds}
                return await client.ask(text, query.parameters, bounds, table, may_repeat=may_repeat)
        except TimeoutError as error:
            raise self._noted(StoreUnavailable("ClickHouse gave no answer in time")) from error
        except ClickHouseError as error:
            raise self._noted(self._translated(error)) from error
        finally:
            metrics.CLICKHOUSE_SECONDS.observe(time.monotonic() - started)

    async def check(self) -> str | None:
        """None when queries can be answered, and wholly; else why not and what to do."""
        work = Work(_CHECK_TIMEOUT_S)
        try:
            await self.fetch(sql.check(), work, _checked)
            there, named = await self._shards(work)
        except StoreError as error:
            return str(error)
        # A shard that is not named yet is read as the others are: while it is added, answers go on.
        return _mismatch(there, named) if named > there or (there and not named) else None

    async def require_all_shards(self, work: Work) -> None:
        """Raises StoreNotSetUp unless the settings name every shard of a cluster. For one that is to see all rows."""
        there, named = await self._shards(work)
        if there != named:
            raise StoreNotSetUp(_mismatch(there, named))

    async def _shards(self, work: Work) -> tuple[int, int]:
        """How many there are, at least one where ClickHouse is a cluster, and how many the settings name."""
        if self._reads_all:
            query, named = Query("SELECT uniqExact(_shard_num) FROM schema_migrations", {}), len(self.shards)
        else:
            name = all_shards(self._database)
            query, named = Query("SELECT count() FROM system.databases WHERE name = {name:String}", {"name": name}), 0
        ((there,),) = await self.fetch(query, work, _count)
        return there, named

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
        for shard in self.shards:
            if shard is not self:
                await shard.close()

    def _bounds(self, timeout_s: float) -> dict[str, Any]:
        """The settings of every query: all its bounds, and how it answers."""
        return {
            "readonly": 2,  # only reads; and a POST is cancelled when the client goes only if it is readonly
            "cancel_http_readonly_queries_on_client_close": 1,
            "wait_end_of_query": 1,  # an error is a status, never a 200 cut short
            "max_execution_time": max(0.001, round(timeout_s, 3)),
            "max_rows_to_read": self._settings.max_rows_to_read,
            "max_memory_usage": self._settings.query_memory_bytes,
            "output_format_json_quote_64bit_integers": 0,
            "output_format_json_escape_forward_slashes": 0,
        } | (_CLUSTER if self._reads_all else {})

    async def _connected(self) -> Client:
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

    async def _connect(self) -> Client:
        try:
            client = self._new_client()
        except OSError as error:
            why = f"QUERY_CLICKHOUSE_CA_FILE cannot be used ({error.strerror or error})"
            raise self._failed(StoreUnavailable(why)) from error
        try:
            version = await self._version(client)
        except BaseException:
            await client.close()
            raise
        _log.info("connected to ClickHouse", url=self._url, version=version)
        return client

    def _new_client(self) -> Client:
        """Raises OSError."""
        address = Address(
            url=self._url,
            user=self._settings.clickhouse_user,
            password=self._settings.clickhouse_password.get_secret_value(),
            database=self._database,
            ca_file=self._settings.clickhouse_ca_file,
            connect_timeout_s=self._settings.clickhouse_connect_timeout_s,
        )
        return Client(address, most_connections=max(MOST_CONNECTIONS, self._most_queries()))

    def _most_queries(self) -> int:
        """At one time: those that hold turns, and a few that need none."""
        return self._settings.max_concurrent_queries + self._settings.max_concurrent_exports + _WITHOUT_A_TURN

    async def _version(self, client: Client) -> str:
        try:
            async with asyncio.timeout(self._settings.clickhouse_connect_timeout_s):
                version = await client.ask("SELECT version()", {}, {"database": _ALWAYS_THERE})
        except TimeoutError as error:
            raise self._failed(StoreUnavailable("ClickHouse does not answer")) from error
        except ClickHouseError as error:
            raise self._failed(self._translated(error)) from error
        return version.decode().strip()

    def _failed(self, failure: StoreError) -> StoreError:
        self._failure = (time.monotonic(), failure)
        return self._noted(failure)

    def _noted(self, error: StoreError) -> StoreError:
        """Count it; log it once, not with every request."""
        metrics.CLICKHOUSE_ERRORS.labels(type(error).__name__).inc()
        if isinstance(error, StoreUnavailable | StoreNotSetUp) and str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("cannot read from ClickHouse", reason=self._trouble, url=self._url)
        return error

    def _note_success(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            _log.info("reading from ClickHouse again")

    def _translated(self, error: ClickHouseError | StreamCut) -> StoreError:
        code = getattr(error, "code", None)
        table = f"{self._database}.{ACTIONS}"
        if code is None:
            return StoreUnavailable("ClickHouse cannot be reached")
        if code in _TOO_LONG:
            return QueryTimedOut("the queries of this request took longer than they may")
        if code in _TOO_LARGE:
            return QueryOutOfMemory("a query of this request needs more memory than it may use")
        if code in _TOO_MANY:
            return QueryReadsTooMuch("a query of this request would read more rows than it may")
        if code in _ANSWERS_TOO_MUCH:
            return QueryReadsTooMuch("a query of this request would answer, or set aside on disk, more than it may")
        if code in _NO_TABLE:
            return StoreNotSetUp(f"table {table} does not exist: run python -m deploy.setup")
        if code in _NO_COLUMN:
            return StoreNotSetUp(f"table {table} lacks {_column(error)}: run python -m deploy.setup")
        if code in _NO_ACCESS:
            return StoreUnavailable(f"ClickHouse refuses the user {self._settings.clickhouse_user} (code {code})")
        if code in _SHARD_AWAY:
            return StoreUnavailable(f"a shard of ClickHouse cannot be reached (code {code})")
        if code in _BUSY:
            return StoreUnavailable(f"ClickHouse is too busy (code {code})")
        _log.error("ClickHouse refused a query", code=code, error=str(error))
        return StoreRefused(f"ClickHouse refused the query (code {code})")


def _column(error: Exception) -> str:
    found = re.search(r"identifier[s:]* [`']?(\w+)", str(error))
    return f"the column {found[1]}" if found else "a column"


def _mismatch(there: int, named: int) -> str:
    cluster = f"the cluster has {there} shards" if named else "ClickHouse is a cluster"
    return f"{cluster} and QUERY_CLICKHOUSE_SHARD_URLS names {named}"

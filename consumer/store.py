"""ClickHouse, as the sink sees it: insert a sub-block, find out whether it is stored, end earlier attempts.

The only module that knows ClickHouse. Every method is one attempt: whether to repeat is the caller's decision.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC
from enum import Enum
from typing import Any, cast

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from consumer import clickhouse_codes, failpoints
from consumer.block import SubBlock
from consumer.errors import RefusedData, StoreRefused, StoreUnavailable
from consumer.settings import Settings
from contract.tables import ACTIONS, COLUMNS, DEAD_LETTERS
from kit.clickhouse import connect

# One POST must be one ClickHouse block, else it is not atomic; months are split before.
_ONE_BLOCK = {
    "async_insert": 0,
    "input_format_parallel_parsing": 0,
    "max_insert_block_size": 1_048_449,
    "min_insert_block_size_rows": 1_048_449,
    "min_insert_block_size_bytes": 1 << 30,
    "max_partitions_per_insert_block": 1,
    "throw_on_max_partitions_per_insert_block": 1,
}
_INSERT = _ONE_BLOCK | {
    "insert_deduplicate": 1,
    "optimize_on_insert": 0,  # 0.6 us per row; rows with equal keys stay as they were sent
    "date_time_input_format": "best_effort",  # the basic format refuses a trailing Z
}

# With wait_end_of_query=1, which the client asks for, a ClickHouse whose disk is full answers 200 and nothing.
_READ_BACK = {"apply_deleted_mask": 0, "wait_end_of_query": 0}  # an erased row was stored all the same

_OWN_WORDS = re.compile(r"DB::Exception: (.*?)(?: \(version [^)]*\).*)?$", re.DOTALL)
_REASON_LENGTH = 2_000  # of a dead letter's reason; ClickHouse quotes values of any length in it
_IDS_PER_LOOKUP = 3_000  # 117 KB as a form field; ClickHouse takes 128 KiB (http_max_field_value_size)


class Presence(Enum):
    """What a read-back found of a sub-block's rows."""

    NONE = "none"
    SOME = "some"
    ALL = "all"


async def _confirmed() -> None:
    """Nobody else inserts these blocks."""


class Store:
    """The tables of one server, over HTTP: those of a shard, or of the only one.

    ``open()`` finds out early whether all is well; whatever is asked before that opens it. A lost server needs no new
    ``open()``.

    confirm   asked before an insert is complete: raises when the block is not ours any more
    """

    def __init__(self, settings: Settings, shard: int | None = None) -> None:
        self._settings = settings
        self._opened: AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._url = settings.shard_urls[shard or 0]
        self._name = "ClickHouse" if shard is None else f"ClickHouse shard {shard} ({self._url})"
        self.confirm: Callable[[], Awaitable[None]] = _confirmed

    async def open(self) -> None:
        """Connect and check that the tables are there; raises StoreUnavailable or StoreRefused."""
        async with self._translated(self._settings.read_back_timeout_s):
            await self._client()

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def ping(self) -> None:
        """Raises StoreUnavailable when ClickHouse does not answer."""
        if self._opened is None:
            await self.open()
        elif not await self._opened.ping():
            raise StoreUnavailable(f"ClickHouse at {self._url} does not answer")

    async def insert(self, part: SubBlock, token: str) -> None:
        """Send the sub-block once under the token. Any exception leaves the outcome unknown, RefusedData too."""

        async def body() -> AsyncIterator[bytes]:
            # As a stream: given bytes, the client sends a block again by itself when the server hangs up, and a repeat
            # under a known token is answered with 200 even when the first attempt was lost.
            whole = cast("bytes", memoryview(part.body))  # of which slices are no copies
            for piece in failpoints.in_halves(whole[:-1]):
                yield piece
            await self.confirm()  # nothing is stored before the end has arrived, and we may have slept meanwhile
            yield whole[-1:]

        async with self._translated(self._settings.insert_timeout_s, sends_rows=True):
            client = await self._client()
            await client.raw_insert(
                part.table,
                column_names=part.columns,
                insert_block=body(),
                settings=_INSERT | self._quorum | {"insert_deduplication_token": token, "query_id": token},
                fmt=part.format,
            )
        failpoints.reached("after-insert")

    async def kill(self, token: str) -> None:
        """End every attempt at the token's sub-block that still runs, and wait until it has ended."""
        async with self._translated(self._settings.read_back_timeout_s):
            client = await self._client()
            await client.command(
                "KILL QUERY WHERE startsWith(query_id, {token:String}) AND user = currentUser() SYNC",
                parameters={"token": token},
            )

    async def presence(self, part: SubBlock) -> Presence:
        """Whether the sub-block's rows are stored, by id.

        Ids missing at its own position were merged into a later copy of the same action, which must then be found
        elsewhere. SOME: rows of it stand at its position and others are nowhere. A sub-block is atomic, so it was then
        stored as halves, and not all of them yet.
        """
        wanted = set(part.event_ids)
        async with self._translated(self._settings.read_back_timeout_s):
            await self._catch_up(part.table)
            here = wanted & await self._ids_at_its_position(part)
            complete = await self._all_stored(part, sorted(wanted - here))
        if complete:
            return Presence.ALL
        return Presence.SOME if here else Presence.NONE

    async def _catch_up(self, table: str) -> None:
        """A replica shows what another one took in once it has fetched it; until then a read-back would deny it."""
        if self._quorum:
            client = await self._client()
            await client.command(f"SYSTEM SYNC REPLICA {table} LIGHTWEIGHT")

    async def _ids_at_its_position(self, part: SubBlock) -> set[str]:
        condition, parameters = _time_condition(part)
        client = await self._client()
        answer = await client.raw_query(
            f"SELECT event_id FROM {part.table} WHERE partition = {{partition:UInt32}}"
            f" AND offset >= {{start:UInt64}} AND offset < {{end:UInt64}}{condition}",
            parameters={"partition": part.partition, "start": part.start, "end": part.end} | parameters,
            settings=_READ_BACK,
            fmt="TabSeparated",
        )
        return set(answer.decode().split())

    async def _all_stored(self, part: SubBlock, event_ids: list[str]) -> bool:
        """Whether the table holds every one of these ids, at any position."""
        condition, parameters = _time_condition(part)
        client = await self._client()
        for chunk in _batched(event_ids, _IDS_PER_LOOKUP):
            answer = await client.raw_query(
                f"SELECT uniqExact(event_id) FROM {part.table} WHERE event_id IN {{ids:Array(UUID)}}{condition}",
                parameters={"ids": chunk} | parameters,
                settings=_READ_BACK,
                fmt="TabSeparated",
            )
            if _number(answer) < len(chunk):
                return False
        return True

    async def known(self, partition: int) -> bool:
        """Whether the tables hold any row of this partition."""
        async with self._translated(self._settings.read_back_timeout_s):
            client = await self._client()
            for table in (ACTIONS, DEAD_LETTERS):
                await self._catch_up(table)
                answer = await client.raw_query(
                    f"SELECT count() FROM (SELECT 1 FROM {table} WHERE partition = {{partition:UInt32}} LIMIT 1)",
                    parameters={"partition": partition},
                    settings=_READ_BACK,
                    fmt="TabSeparated",
                )
                if _number(answer):
                    return True
        return False

    async def _read(
        self, query: str, values: Mapping[str, object], fmt: str, settings: dict[str, Any] | None = None
    ) -> bytes:
        """A query's answer in ClickHouse's format ``fmt``, within the time of a read-back."""
        async with self._translated(self._settings.read_back_timeout_s):
            client = await self._client()
            return bytes(await client.raw_query(query, parameters=dict(values), settings=settings, fmt=fmt))

    @property
    def _quorum(self) -> dict[str, str]:
        return {"insert_quorum": self._settings.insert_quorum} if self._settings.insert_quorum else {}

    async def _client(self) -> AsyncClient:
        """Connected, once the tables were seen. Inside ``_translated`` only."""
        if self._opened is not None:
            return self._opened
        async with self._opening:
            if self._opened is None:
                client = await connect(self._settings, answer_timeout_s=self._settings.insert_timeout_s, url=self._url)
                try:
                    await self._check_tables(client)
                except BaseException:
                    await client.close()
                    raise
                self._opened = client
        return self._opened

    async def _check_tables(self, client: AsyncClient) -> None:
        answer = await client.raw_query(
            "SELECT table, name FROM system.columns WHERE database = currentDatabase()", fmt="TabSeparated"
        )
        present = {tuple(line.split("\t")) for line in answer.decode().splitlines()}
        for table in (ACTIONS, DEAD_LETTERS):
            missing = sorted(column for column in COLUMNS[table] if (table, column) not in present)
            if missing:
                raise StoreUnavailable(
                    f"table {self._settings.clickhouse_database}.{table} lacks {', '.join(missing)}:"
                    " run `python -m deploy.setup`"
                )

    @asynccontextmanager
    async def _translated(self, timeout_s: float, *, sends_rows: bool = False) -> AsyncIterator[None]:
        """The seam's errors, once: everything that ClickHouse or the network can raise becomes ours."""
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except TimeoutError as error:
            raise StoreUnavailable(f"{self._name} did not answer within {timeout_s:g} s") from error
        except ClickHouseError as error:
            raise self._ours(error, sends_rows=sends_rows) from error

    def _ours(self, error: ClickHouseError, *, sends_rows: bool) -> StoreUnavailable | StoreRefused:
        code = error.code if isinstance(error, Error) else None
        if code is None or code in clickhouse_codes.PASSING:
            return StoreUnavailable(f"{self._name} is away or busy: {error}")
        if sends_rows and code in clickhouse_codes.DATA:
            return RefusedData(_reason(str(error)), code)
        return StoreRefused(f"{self._name} refused: {error}", code)


def _reason(message: str) -> str:
    """ClickHouse's own words in the driver's message, at most _REASON_LENGTH characters."""
    own = _OWN_WORDS.search(message)
    return (own[1] if own else message)[:_REASON_LENGTH]


def _number(answer: bytes) -> int:
    if not answer.strip().isdigit():
        raise StoreUnavailable("ClickHouse's answer was cut short: is its disk full?")
    return int(answer)


def _time_condition(part: SubBlock) -> tuple[str, dict[str, str]]:
    """Keeps a read-back to the hours of its rows: a copy of an action has the same ``time``."""
    if part.time_range is None:
        return "", {}
    first, last = (moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") for moment in part.time_range)
    first_time, last_time = "{first:DateTime64(6, 'UTC')}", "{last:DateTime64(6, 'UTC')}"
    hours = f"hour BETWEEN intDiv(toUnixTimestamp64Micro({first_time}), 3600000000)"
    hours += f" AND intDiv(toUnixTimestamp64Micro({last_time}), 3600000000)"
    return f" AND time BETWEEN {first_time} AND {last_time} AND {hours}", {"first": first, "last": last}


def _batched(items: list[str], size: int) -> Iterator[list[str]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]

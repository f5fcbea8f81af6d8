"""Exports that do not reach their end: whoever reads them can tell, nobody's memory pays, and ClickHouse stops."""

import asyncio
import contextlib
import io
import json
import re
import tempfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.integration.query_api.exported import END_OF_ARROW
from tests.namespace import Namespace
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until_async

ROWS = 80_000
TOTAL_BYTES = 80_000_000  # about, as NDJSON: far more than the buffers of two connections
MAX_HELD = "4.194304e+06"  # bytes, as the metric's bucket is named: the client's buffer and one read of the socket
FORMATS = ("ndjson", "csv", "parquet", "arrow")


@pytest.fixture
def large(namespace: Namespace) -> Namespace:
    """Actions that hardly compress: an export of them is still running while its client reads nothing."""
    namespace.query(
        "INSERT INTO {db}.actions (event_id, user_id, type, time, properties) SELECT generateUUIDv4(), 'u', 'CLICK',"
        " toDateTime64('2024-01-01 00:00:00', 6, 'UTC') + number,"
        " concat('{\"a\":\"', base64Encode(randomString(600)), '\"}')"
        f" FROM numbers({ROWS})",
        "writer",
    )
    return namespace


def running(namespace: Namespace) -> list[str]:
    """The ids of the service's exports that ClickHouse runs now."""
    answer = namespace.query(
        "SELECT query_id FROM system.processes WHERE user = 'actionlog_reader' AND current_database = '{db}'"
        " AND query LIKE '%LIMIT%' = 0 AND query LIKE 'WITH%'"
    )
    return answer.split()


async def is_running(namespace: Namespace, expected: bool) -> bool:
    return bool(await asyncio.to_thread(running, namespace)) == expected


@contextlib.asynccontextmanager
async def begun(service: Service, path: str, encoding: str = "identity") -> AsyncIterator[AsyncIterator[bytes]]:
    """An export whose client has read its head and reads on only when asked."""
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=60) as client,
        client.stream("GET", path, headers={"Accept-Encoding": encoding}) as response,
    ):
        assert response.status_code == 200
        yield response.aiter_raw()


async def rest(chunks: AsyncIterator[bytes], killing: asyncio.Task[str] | None = None) -> tuple[bytes, bool]:
    """What still comes, and whether the connection said that it is not all. Taken slowly until it is killed, or it
    might have come to its end before.
    """
    read: list[bytes] = []
    broken = False
    try:
        async for chunk in chunks:
            read.append(chunk)
            if killing is not None and not killing.done():
                await asyncio.wait({killing}, timeout=0.01)
    except httpx.RemoteProtocolError:
        broken = True
    return b"".join(read), broken


async def killed_while_read(namespace: Namespace, chunks: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """What comes of the one export that runs, which ClickHouse ends meanwhile; and whether the connection said so.

    While it is read: a query whose reader takes nothing is ended only when ClickHouse gives that up, after 30 s.
    """
    (query_id,) = await asyncio.to_thread(running, namespace)
    kill = f"KILL QUERY WHERE query_id = '{query_id}' ASYNC"
    killing = asyncio.create_task(asyncio.to_thread(namespace.query, kill))
    body, broken = await rest(chunks, killing)
    await killing
    return body, broken


def seems_whole(name: str, body: bytes) -> bool:
    """What the format itself says, to a client that does not look at the connection."""
    match name:
        case "ndjson":
            return bool(body.endswith(b"}\n") and json.loads(body.splitlines()[-1]).get("complete"))
        case "csv":
            return re.search(rb"\r\n# rows=\d+\r\n\Z", body) is not None
        case "parquet":
            return reads_with_pyarrow(body) or reads_with_duckdb(body)
        case _:
            return body.endswith(END_OF_ARROW)


def reads_with_pyarrow(body: bytes) -> bool:
    try:
        pyarrow.parquet.read_table(io.BytesIO(body))
    except pa.ArrowInvalid:
        return False
    return True


def reads_with_duckdb(body: bytes) -> bool:
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
        Path(file.name).write_bytes(body)
        try:
            connection.read_parquet(file.name).fetchall()
        except duckdb.Error:
            return False
    return True


async def metric(service: Service, name: str) -> float:
    async with httpx.AsyncClient(base_url=service.url) as client:
        text = (await client.get("/metrics")).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("name", FORMATS)
async def test_an_export_that_clickhouse_ends_is_seen_to_be_broken(
    large: Namespace, start_service: StartService, name: str
) -> None:
    service = start_service("query_api")
    async with begun(
        service, f"/log?format={name}&summary={'true' if name in {'ndjson', 'csv'} else 'false'}"
    ) as chunks:
        body, broken = await killed_while_read(large, chunks)
    assert broken
    assert body
    assert not seems_whole(name, body)
    assert b"__exception__" not in body
    assert b"DB::Exception" not in body
    assert await metric(service, f'actionlog_query_exports_total{{format="{name}",outcome="cut"}}') == 1
    assert "Traceback" not in service.log


async def test_an_export_in_gzip_that_clickhouse_ends_is_seen_to_be_broken(
    large: Namespace, start_service: StartService
) -> None:
    service = start_service("query_api")
    async with begun(service, "/log?format=csv", "gzip") as chunks:
        body, broken = await killed_while_read(large, chunks)
    assert broken
    whole = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert whole.decompress(body).startswith(b'"id","userId"')
    assert not whole.eof


async def test_a_slow_reader_fills_no_memory_and_keeps_nobody_waiting(
    large: Namespace, start_service: StartService
) -> None:
    service = start_service("query_api", MAX_CONCURRENT_EXPORTS="1", MAX_WAITING_EXPORTS="0")
    sent = "actionlog_query_export_bytes_total" + '{format="ndjson"}'
    async with begun(service, "/log?format=ndjson") as chunks:
        await wait_until_async(lambda: stands_still(service, sent), 30, "nothing more is sent to who reads nothing")
        assert await is_running(large, True)
        assert 0 < await metric(service, sent) < TOTAL_BYTES / 2
        await assert_only_pages_are_served(service)
        body, broken = await rest(chunks)
    assert not broken
    assert json.loads(body.splitlines()[-1]) == {"rows": ROWS, "complete": True}
    held = "actionlog_query_export_held_bytes"
    assert await metric(service, f'{held}_bucket{{le="{MAX_HELD}"}}') == await metric(service, f"{held}_count") > 10


async def stands_still(service: Service, name: str) -> bool:
    """Whether a figure is above 0 and the same after some other answers."""
    before = await metric(service, name)
    later = [await metric(service, name) for _ in range(20)]
    return before > 0 and set(later) == {before}


async def assert_only_pages_are_served(service: Service) -> None:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        assert (await client.get("/log")).status_code == 200
        refused = await client.get("/log?format=csv")
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")


async def test_a_client_that_leaves_ends_its_export(large: Namespace, start_service: StartService) -> None:
    service = start_service("query_api")
    async with begun(service, "/log?format=ndjson"):
        assert await is_running(large, True)
    await wait_until_async(lambda: is_running(large, False), 10, "the export ended with its client")
    left = 'actionlog_query_exports_total{format="ndjson",outcome="left"}'
    await wait_until_async(lambda: is_one(service, left), 10, "it is counted")
    assert await metric(service, "actionlog_query_exports_running") == 0


async def is_one(service: Service, name: str) -> bool:
    return await metric(service, name) == 1

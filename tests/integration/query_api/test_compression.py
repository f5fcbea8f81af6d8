"""Answers in gzip, for clients that take it."""

import gzip
import zlib
from pathlib import Path

import httpx
import pytest

from tests.integration.query_api.actions import generated, insert
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace

PLAIN = {"Accept-Encoding": "identity"}


async def raw(client: httpx.AsyncClient, path: str) -> tuple[httpx.Response, bytes]:
    """An answer to a client that takes gzip, with the bytes as they were sent."""
    async with client.stream("GET", path, headers={"Accept-Encoding": "gzip, deflate, br"}) as response:
        return response, b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize(
    "accepted", ["gzip;q=0", "br, gzip ; q=0.000, *;q=0.1", "identity;q=1.0, gzip;q=0.0", "nogzip"]
)
async def test_who_refuses_gzip_gets_none(namespace: Namespace, serve: Serve, accepted: str) -> None:
    insert(namespace, generated(100, seed=1))
    async with serve() as client:
        response = await client.get("/log", headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["vary"]
    assert len(response.json()["actions"]) == 100


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.001", "deflate,gzip ; q=0.5 , br", "identity;q=0, gzip"])
async def test_who_takes_gzip_in_any_way_of_saying_it_gets_it(
    namespace: Namespace, serve: Serve, accepted: str
) -> None:
    insert(namespace, generated(100, seed=1))
    async with serve() as client:
        response = await client.get("/log", headers={"Accept-Encoding": accepted})
    assert response.headers["content-encoding"] == "gzip"


COUNTS = "/log/counts?interval=1h&startTime=2026-01-01T00:00:00Z&endTime=2026-01-05T00:00:00Z"


@pytest.mark.parametrize("path", ["/log", "/log?format=ndjson", "/log?format=csv", "/log?format=csv&limit=50", COUNTS])
async def test_who_takes_gzip_gets_the_same_in_fewer_bytes(namespace: Namespace, serve: Serve, path: str) -> None:
    insert(namespace, generated(100, seed=1))
    async with serve() as client:
        plain = await client.get(path, headers=PLAIN)
        response, sent = await raw(client, path)
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]  # a cache must not give it to the other
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert gzip.decompress(sent) == plain.content
    assert len(sent) < len(plain.content) / 2


@pytest.mark.parametrize("path", ["/log?limit=1", "/log?format=parquet", "/log?format=arrow", "/livez"])
async def test_small_answers_and_compressed_formats_are_sent_as_they_are(
    namespace: Namespace, serve: Serve, path: str
) -> None:
    insert(namespace, generated(100, seed=1))
    async with serve() as client:
        response, sent = await raw(client, path)
        plain = await client.get(path, headers=PLAIN)
    assert "content-encoding" not in response.headers
    assert sent == plain.content


async def test_the_explorers_files_are_compressed(serve: Serve, tmp_path: Path) -> None:
    script = "export const names = ['CLICK', 'VIEW'];\n" * 4_000  # more than the server reads at one time
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "main-Ab12.js").write_text(script)
    async with serve(explorer_folder=tmp_path) as client:
        response, sent = await raw(client, "/assets/main-Ab12.js")
    assert response.headers["content-encoding"] == "gzip"
    assert "content-length" not in response.headers
    whole = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert whole.decompress(sent).decode() == script
    assert whole.eof

"""The client of ClickHouse, where the network or the server does what it should not, or what it may at any moment."""

import asyncio
import dataclasses
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from query_api.clickhouse.client import Address, ClickHouseError, Client, ConnectionCut
from query_api.errors import StoreUnavailable
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store
from query_api.work import Work
from tests.ports import free_ports
from tests.unit.query_api.clickhouse_server import CUT, Write, address_of, answering, chunked, served, whole
from tests.waiting import wait_until_async

LARGE = 64 * 1024 * 1024


async def ask(client: Client, *, may_repeat: bool = True) -> bytes:
    return await client.ask("SELECT 1", {}, {}, may_repeat=may_repeat)


async def test_one_connection_is_kept_for_requests_one_after_the_other() -> None:
    async with served(answering(whole(b"1"), chunked(b"2", b"3"), whole(b""))) as (client, server):
        assert [await ask(client) for _ in range(3)] == [b"1", b"23", b""]
        assert server.connections == 1


async def test_requests_at_one_time_have_connections_of_their_own_up_to_a_bound() -> None:
    waiting = asyncio.Event()

    async def script(connection: int, _: int, write: Write) -> bool:
        await waiting.wait()
        await write(whole(b"%d" % connection))
        return True

    async with served(script) as (client, server):
        asking = [asyncio.create_task(ask(client)) for _ in range(50)]
        await wait_until_async(lambda: _is(server.requests == 20), 10, "the bound is reached")
        waiting.set()
        answers = await asyncio.gather(*asking)
        assert set(answers) == {b"%d" % number for number in range(20)}
        assert server.connections == 20


async def _is(condition: bool) -> bool:
    return condition


async def test_a_kept_connection_that_ends_as_it_is_asked_is_replaced_once() -> None:
    async with served(answering(whole(b"1"), CUT, whole(b"2"))) as (client, server):
        assert (await ask(client), await ask(client)) == (b"1", b"2")
        assert (server.connections, server.requests) == (2, 3)
    async with served(answering(whole(b"1"), CUT, CUT, whole(b"2"))) as (client, server):
        await ask(client)
        with pytest.raises(ClickHouseError):
            await ask(client)
        assert server.requests == 3


async def test_what_may_not_run_twice_is_not_repeated() -> None:
    async with served(answering(whole(b"1"), CUT, whole(b"2"))) as (client, server):
        await ask(client)
        with pytest.raises(ClickHouseError) as raised:
            await ask(client, may_repeat=False)
        assert raised.value.code is None
        assert server.requests == 2


async def test_connections_that_end_without_an_answer_are_an_error() -> None:
    async with served(answering(CUT, CUT, whole(b"1"))) as (client, server):
        with pytest.raises(ClickHouseError):
            await ask(client)
        assert server.requests == 2


async def test_an_answer_cut_after_it_began_is_an_error_and_not_asked_for_again() -> None:
    cut_short = (chunked(b"12", end=False), whole(b"1234")[:-1], b"HTTP/1.1 200")
    for answer in cut_short:

        async def script(_: int, request: int, write: Write, answer: bytes = answer) -> bool:
            await write(answer if request else whole(b"1"))
            return not request

        async with served(script) as (client, server):
            await ask(client)
            with pytest.raises(ClickHouseError):
                await ask(client, may_repeat=False)
            assert server.requests == 2


async def test_a_stream_gives_what_came_before_the_cut() -> None:
    async def script(_: int, __: int, write: Write) -> bool:
        await write(chunked(b"12", b"34", end=False))
        return False

    async with served(script) as (client, _), client.stream("SELECT 1", {}, {}) as pieces:
        read: list[bytes] = []
        with pytest.raises(ConnectionCut):
            await take(pieces, read)
        assert b"".join(read) == b"1234"


async def take(pieces: AsyncIterator[bytes], read: list[bytes]) -> None:
    async for piece in pieces:
        read.append(piece)  # noqa: PERF401 - what came before the cut counts


async def test_a_second_answer_is_not_taken_for_that_of_the_next_request() -> None:
    async with served(answering(whole(b"1") + whole(b"another's"), whole(b"2"))) as (client, server):
        assert (await ask(client), await ask(client)) == (b"1", b"2")
        assert server.connections == 2


async def test_what_is_no_http_is_an_error() -> None:
    async with served(answering(b"SSH-2.0-OpenSSH_9.2\r\n")) as (client, _):
        with pytest.raises(ClickHouseError):
            await ask(client)


async def test_a_connection_that_the_server_ends_is_not_kept() -> None:
    async with served(answering(whole(b"1", "200 OK", "Connection: close"), whole(b"2"))) as (client, server):
        assert (await ask(client), await ask(client)) == (b"1", b"2")
        assert server.connections == 2


async def test_a_refusal_has_the_code_and_the_text_and_keeps_the_connection() -> None:
    refused = whole(b"Code: 159. DB::Exception", "408 Request Timeout", "X-ClickHouse-Exception-Code: 159")
    async with served(answering(refused, whole(b"1"))) as (client, server):
        with pytest.raises(ClickHouseError, match="DB::Exception") as raised:
            await ask(client)
        assert raised.value.code == 159
        assert await ask(client) == b"1"
        assert server.connections == 1


async def test_a_code_with_status_200_and_a_status_without_a_code_are_refusals() -> None:
    hidden = whole(b"Code: 241", "200 OK", "x-clickhouse-exception-code: 241")
    async with served(answering(hidden, whole(b"nginx", "502 Bad Gateway"))) as (client, _):
        codes = []
        for _ in range(2):
            with pytest.raises(ClickHouseError) as raised:
                await ask(client)
            codes.append(raised.value.code)
    assert codes == [241, None]


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent", chunked(b"1", end=False)])
async def test_whoever_is_cancelled_takes_the_connection_along(begun: bytes) -> None:
    async def script(_: int, __: int, write: Write) -> bool:
        await write(begun)
        return True

    async with served(script) as (client, server):
        asking = asyncio.create_task(ask(client))
        await wait_until_async(lambda: _is(server.requests == 1), 10, "it is asked")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await wait_until_async(lambda: _is(server.left == 1), 10, "the connection is closed")


async def test_whoever_leaves_a_stream_takes_the_connection_along() -> None:
    async def script(_: int, __: int, write: Write) -> bool:
        await write(chunked(b"1", end=False))
        return True

    async with served(script) as (client, server):
        async with client.stream("SELECT 1", {}, {}) as pieces:
            assert await anext(pieces) == b"1"
        await wait_until_async(lambda: _is(server.left == 1), 10, "the connection is closed")


async def test_a_stream_that_nobody_reads_lets_the_server_wait() -> None:
    sent = 0

    async def script(_: int, __: int, write: Write) -> bool:
        nonlocal sent
        await write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // 65_536):
            await write(bytes(65_536))
            sent += 65_536
        return True

    async with served(script) as (client, _), client.stream("SELECT 1", {}, {}) as pieces:
        assert await anext(pieces)
        before = -1
        while before != sent:  # until nothing more goes out, however often the loop turns
            before = sent
            for _ in range(1_000):
                await asyncio.sleep(0)
        assert sent < LARGE / 2
        read = 1
        async for piece in pieces:
            read += len(piece)
        assert sent == LARGE


async def test_after_a_stream_read_to_its_end_the_connection_answers_others() -> None:
    large = chunked(*[bytes(100_000)] * 30)
    async with served(answering(large, whole(b"1"))) as (client, server):
        async with client.stream("SELECT 1", {}, {}) as pieces:
            assert sum([len(piece) async for piece in pieces]) == 3_000_000
        assert await ask(client) == b"1"
        assert server.connections == 1


async def test_what_was_left_unread_is_not_in_the_next_answer() -> None:
    async with served(answering(whole(b"unread"), whole(b"1"))) as (client, _):
        async with client.stream("SELECT 1", {}, {}):
            pass
        assert await ask(client) == b"1"


async def test_nobody_listening_is_an_error_without_a_code() -> None:
    client = Client(address_of(f"http://127.0.0.1:{free_ports(1)[0]}"))
    with pytest.raises(ClickHouseError) as raised:
        await ask(client)
    assert raised.value.code is None
    await client.close()


@pytest.mark.parametrize("known", [True, False])
async def test_tls_trusts_the_authority_of_the_settings_and_no_other(known: bool, tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    ca_file = tmp_path / "ca.pem"
    (authority if known else stranger).cert_pem.write_to_path(str(ca_file))

    def address(url: str) -> Address:
        return dataclasses.replace(address_of(url), ca_file=ca_file)

    async with served(answering(whole(b"1"), whole(b"2")), tls, address) as (client, server):
        if known:
            assert (await ask(client), await ask(client)) == (b"1", b"2")
            assert server.connections == 1
        else:
            with pytest.raises(ClickHouseError, match="certificate verify failed"):
                await ask(client)
            assert server.requests == 0


async def test_a_page_that_clickhouse_answers_with_nothing_is_not_taken_for_an_empty_one() -> None:
    """As it does when its disk is full."""
    async with served(answering(whole(b"26.1"), whole(b""), whole(b""))) as (_, server):
        store = Store(Settings(clickhouse_url=server.url))
        with pytest.raises(StoreUnavailable, match="is its disk full"):
            await store.formatted(Query("SELECT *", {}), "LineAsString", b"[1]", "place UInt32", Work(5))
        assert await store.formatted(Query("SELECT *", {}), "LineAsString", b"", "place UInt32", Work(5)) == b""
        await store.close()


async def test_as_many_queries_as_the_settings_allow_are_under_way_at_one_time() -> None:
    waiting = asyncio.Event()

    async def script(_: int, __: int, write: Write) -> bool:
        if server.requests > 1:  # the first one asks for the version
            await waiting.wait()
        await write(whole(b"26.1"))
        return True

    async with served(script) as (_, server):
        settings = Settings(clickhouse_url=server.url, max_concurrent_queries=30, max_concurrent_exports=10)
        store = Store(settings)
        asked = Query("SELECT *", {})
        asking = [asyncio.create_task(store.formatted(asked, "CSV", b"", "", Work(60))) for _ in range(40)]
        await wait_until_async(lambda: _is(server.requests == 41), 10, "all are under way")
        waiting.set()
        await asyncio.gather(*asking)
        await store.close()


async def test_a_ca_file_that_cannot_be_used_is_said_and_looked_at_again(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    store = Store(Settings(clickhouse_url="https://127.0.0.1:1", clickhouse_ca_file=ca_file, reconnect_pause_ms=0))
    assert await store.check() == "QUERY_CLICKHOUSE_CA_FILE cannot be used (No such file or directory)"
    ca_file.write_text("no certificate")
    assert "QUERY_CLICKHOUSE_CA_FILE cannot be used" in str(await store.check())
    trustme.CA().cert_pem.write_to_path(ca_file)
    assert await store.check() == "ClickHouse cannot be reached"
    await store.close()

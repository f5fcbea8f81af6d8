"""Values reach ClickHouse as they are, in the URL and in a form, and its refusals come back with their code."""

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_api.clickhouse.client import Address, ClickHouseError, Client
from tests.infra import Infra

ECHO = "SELECT {value:String} FORMAT JSONCompact"
LONG = 3_000  # times the value: beyond what goes into a URL, and within what a field may hold (128 KiB)
HOSTILE = ("", "\\N", "\\", "\t", "a\nb\r\n", "\\t", "'\"`", "\0", "+ %2B&=#?", "é😀", "{value:String}", "--\r\n\r\n")


class Answer(msgspec.Struct):
    data: list[tuple[str]]


def client_of(infra: Infra) -> Client:
    return Client(Address(infra.clickhouse_url, infra.reader.name, infra.reader.password, "default", None, 5.0))


async def echoed(client: Client, value: str) -> str:
    ((text,),) = msgspec.json.decode(await client.ask(ECHO, {"value": value}, {}), type=Answer).data
    return text


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_hostile_value_comes_back_as_it_was_sent(infra: Infra, value: str) -> None:
    client = client_of(infra)
    assert await echoed(client, value) == value
    assert await echoed(client, value * LONG) == value * LONG
    await client.close()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), st.sampled_from([1, LONG]))
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # a busy machine is no failure
)
def test_any_value_comes_back_as_it_was_sent(infra: Infra, value: str, times: int) -> None:
    async def asked() -> str:
        client = client_of(infra)
        text = await echoed(client, value * times)
        await client.close()
        return text

    assert asyncio.run(asked()) == value * times


async def test_numbers_come_back_as_they_were_sent(infra: Infra) -> None:
    client = client_of(infra)
    statement = "SELECT {a:Float64} = 1e300, {b:Int64} = -9223372036854775808 FORMAT TSV"
    assert await client.ask(statement, {"a": 1e300, "b": -(1 << 63)}, {}) == b"1\t1\n"
    await client.close()


async def test_a_refusal_has_clickhouses_code_and_its_words(infra: Infra) -> None:
    client = client_of(infra)
    with pytest.raises(ClickHouseError, match="missing_column") as raised:
        await client.ask("SELECT missing_column", {}, {"wait_end_of_query": 1})
    assert raised.value.code == 47
    assert await client.ask("SELECT 1", {}, {}) == b"1\n"
    await client.close()

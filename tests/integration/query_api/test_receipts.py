"""Reading your writes, with the real producer and sink: what a receipt stands for is in the answer, or it says so."""

import asyncio
import secrets
import time
from collections.abc import Callable

import httpx
import pytest

from contract.receipt import Receipt
from tests.integration.consumer import sinks
from tests.integration.query_api import live
from tests.integration.query_api.conftest import Serve
from tests.namespace import Namespace
from tests.relay import relay
from tests.stack import StartService
from tests.waiting import wait_until_async

ROUNDS = 200


async def test_two_hundred_times_the_answer_holds_just_what_was_posted(start_service: StartService) -> None:
    producer, query = start_service("producer_api"), start_service("query_api")
    sinks.start(start_service, FLUSH_AFTER_MS="5")
    async with httpx.AsyncClient(base_url=query.url, timeout=30) as client:
        for number in range(ROUNDS):
            user, sent = f"user-{number}-{secrets.token_hex(4)}", live.actions(1 + number % 3)
            receipt = await live.post(client, producer, user, sent)
            answer = await client.get("/log", params={"userId": user, "after": receipt}, headers={"Prefer": "wait=20"})
            assert answer.status_code == 200, answer.text
            assert {action["id"] for action in answer.json()["actions"]} == {action["id"] for action in sent}
            assert answer.headers["preference-applied"] == "wait=20"
            stored = live.told(answer).offsets
            assert all(stored[number] >= offset for number, offset in Receipt.decode(receipt).offsets.items())


async def test_everything_below_the_told_watermark_is_in_the_answer(start_service: StartService) -> None:
    """While actions stream in, each stored once: an answer holds at least as many as lie below its watermark."""
    producer = start_service("producer_api")
    query = start_service("query_api", WATERMARK_MAX_AGE_MS="0", EXTENT_MAX_AGE_MS="0")
    sinks.start(start_service, FLUSH_AFTER_MS="5")
    everything = {"limit": "10000"}
    async with httpx.AsyncClient(timeout=30) as client:

        async def stream() -> None:
            for number in range(150):
                await live.post(client, producer, f"user-{number}", live.actions(10))

        streaming = asyncio.create_task(stream())
        below = 0
        while not streaming.done() or below < 1_500:
            answer = await client.get(f"{query.url}/log", params=everything)
            if answer.headers["actionlog-watermark"] == "unknown":  # not read yet
                continue
            below = sum(offset + 1 for offset in live.told(answer).offsets.values())
            assert len(answer.json()["actions"]) >= below
        await streaming


async def test_a_stopped_sink_is_said_in_time_and_when_it_is_back_the_wait_ends(start_service: StartService) -> None:
    settings = {"AFTER_DEFAULT_WAIT_S": "1", "AFTER_MAX_WAIT_S": "100", **live.PATIENT}
    producer, query = start_service("producer_api"), start_service("query_api", **settings)
    async with httpx.AsyncClient(base_url=query.url, timeout=120) as client:
        await live.until_known(client)
        receipt = await live.post(client, producer, "u", live.actions(3))
        late = await client.get("/log", params={"after": receipt})
        assert late.status_code == 504
        problem = late.json()
        assert problem["code"] == "not-yet-stored"
        assert "lacks 3 records" in problem["detail"]
        assert int(late.headers["retry-after"]) >= 1
        assert live.told(late).offsets == {}
        headers = {"Prefer": "wait=100"}
        waiting = asyncio.create_task(client.get("/log", params={"after": receipt}, headers=headers))
        await asyncio.to_thread(sinks.start, start_service)
        answer = await waiting
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["actions"]) == 3


async def test_a_wait_is_clamped_and_told(namespace: Namespace, serve: Serve, start_service: StartService) -> None:
    producer = start_service("producer_api")
    async with httpx.AsyncClient() as browser, serve(after_max_wait_s=0) as client:
        await live.until_known(client)
        receipt = await live.post(browser, producer, "u", live.actions(1))
        late = await client.get("/log", params={"after": receipt}, headers={"Prefer": "respond-async, wait=100"})
    assert late.status_code == 504
    assert late.headers["preference-applied"] == "wait=0"


async def test_a_receipt_of_another_topic_is_refused_at_once(namespace: Namespace, serve: Serve) -> None:
    async with serve(after_default_wait_s=30) as client:
        for offsets in ({0: 0}, {99: 0}):
            answer = await client.get("/log", params={"after": Receipt(offsets).encode()})
            assert answer.status_code == 409
            assert answer.json()["code"] == "receipt-not-of-this-topic"


@pytest.mark.parametrize("query", ["after=", "after=nonsense", "after=kgGA&after=kgGA", "after=" + "A" * 20_000])
async def test_what_is_no_receipt_is_refused_by_name(namespace: Namespace, serve: Serve, query: str) -> None:
    async with serve() as client:
        answer = await client.get(f"/log?{query}")
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == ["after"]


async def test_a_receipt_of_many_partitions_is_no_parameter_too_long(namespace: Namespace, serve: Serve) -> None:
    receipt = Receipt(dict.fromkeys(range(300), 2**40)).encode()
    assert len(receipt) > 1024
    async with serve(after_default_wait_s=30) as client:
        assert (await client.get("/log", params={"after": receipt})).status_code == 409


async def test_kafka_away_reads_go_on_and_receipts_are_refused(
    namespace: Namespace, serve: Serve, free_port: Callable[[], int]
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    async with serve(kafka_bootstrap_servers=nowhere) as client:
        answer = await client.get("/log")
        assert answer.status_code == 200
        assert answer.headers["actionlog-watermark"] == "unknown"
        assert "actionlog-watermark-age-ms" not in answer.headers
        params, headers = {"after": Receipt({0: 0}).encode()}, {"Prefer": "wait=0"}
        refused = await client.get("/log", params=params, headers=headers)
        assert refused.status_code == 503
        assert refused.json()["code"] == "watermark-unknown"
        assert int(refused.headers["retry-after"]) >= 1


async def test_a_kafka_that_comes_back_is_read_again(
    namespace: Namespace, serve: Serve, free_port: Callable[[], int]
) -> None:
    address = f"http://{namespace.infra.kafka_bootstrap}"
    async with relay(address, free_port(), connected=False) as kafka:
        bootstrap = kafka.url.removeprefix("http://")
        async with serve(kafka_bootstrap_servers=bootstrap, reconnect_pause_ms=20) as client:

            async def is_known() -> bool:
                return (await client.get("/log")).headers["actionlog-watermark"] != "unknown"

            assert not await is_known()
            await kafka.connect()
            await live.until(is_known, "the watermark is known")


async def test_waiters_are_bounded_and_hold_no_turn(
    namespace: Namespace, serve: Serve, start_service: StartService
) -> None:
    producer = start_service("producer_api")
    settings = {"max_after_waiters": 2, "max_concurrent_queries": 1, "max_waiting_requests": 0}
    async with httpx.AsyncClient() as browser, serve(**settings) as client:
        receipt = await live.post(browser, producer, "u", live.actions(1))

        async def waiter() -> httpx.Response:
            return await client.get("/log", params={"after": receipt}, headers={"Prefer": "wait=20"})

        async def waits() -> bool:
            return "actionlog_query_after_waiters 2.0" in (await client.get("/metrics")).text

        waiters = [asyncio.create_task(waiter()) for _ in range(2)]
        await wait_until_async(waits, 10, "two wait")
        refused = await waiter()
        assert refused.status_code == 503
        assert refused.json()["code"] == "overloaded"
        assert (await client.get("/log")).status_code == 200, "they hold no turn"
        for task in waiters:
            task.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)


async def test_idle_nobody_asks_kafka(namespace: Namespace, serve: Serve) -> None:
    async with serve(watermark_max_age_ms=0) as client:

        async def readings() -> float:
            text = (await client.get("/metrics")).text
            return sum(float(line.split()[-1]) for line in text.splitlines() if "watermark_readings_total{" in line)

        async def is_read() -> bool:
            return await readings() > before

        before = await readings()
        await client.get("/log")
        await wait_until_async(is_read, 10, "one reading")
        after_one = await readings()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            await asyncio.sleep(0.01)
            assert await readings() == after_one

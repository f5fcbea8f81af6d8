"""POST /log against the real broker: what is answered, and what is then on the topic."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contract.record import SCHEMA_HEADER, decode
from producer_api.openapi import EXAMPLE
from producer_api.publisher import key_hash
from tests.integration.producer_api.conftest import Serve
from tests.integration.producer_api.posting import ACTION, body
from tests.integration.producer_api.topic import records_on
from tests.namespace import Namespace

PROBLEM = "application/problem+json"


@pytest.fixture
async def api(serve: Serve) -> httpx.AsyncClient:
    return await serve()


async def test_the_sample_is_answered_after_its_records_are_on_the_topic(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    sent = json.dumps(EXAMPLE, indent=1).encode()
    answer = await api.post("/log", content=sent, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 3)

    records = await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
    assert {record.key for record in records} == {b"ABC12312XYZ"}
    assert {tuple(record.headers) for record in records} == {(SCHEMA_HEADER,)}
    assert {record.partition for record in records} == {key_hash(b"ABC12312XYZ") % 3}
    actions = [decode(record.value) for record in records]
    assert [action.event_id for action in actions] == answer.json()["ids"]
    assert [action.type for action in actions] == ["CLICK", "VIEW", "NAVIGATE"]
    assert all(bytes(action.properties) in sent for action in actions)
    assert actions[0].utc_offset_minutes == -360


async def test_no_actions_are_accepted_as_none(api: httpx.AsyncClient) -> None:
    extras: list[dict[str, Any]] = [{}, {"actions": []}]
    for extra in extras:
        answer = await api.post("/log", json={"userId": "u", "sessionId": "s", **extra})
        assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "ids": []})


async def test_one_wrong_action_refuses_the_request_and_nothing_is_published(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    wrong = [ACTION, {**ACTION, "time": "2018-10-18T21:37:30", "typ": "A"}]
    answer = await api.post("/log", json={**body(), "actions": wrong})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
    assert problem["detail"].startswith("$.actions[1].time: must have an offset")
    assert [error["path"] for error in problem["errors"]] == ["$.actions[1].time", "$.actions[1].typ"]
    assert await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic) == []


async def test_a_request_larger_than_a_batch_is_published_whole_and_in_order(
    serve: Serve, empty_namespace: Namespace
) -> None:
    api = await serve(batch_max_bytes=64 * 1024)
    actions = [{**ACTION, "properties": {"n": n, "pad": "x" * 1_000}} for n in range(500)]
    answer = await api.post("/log", json={**body(), "actions": actions})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 500)
    records = await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
    assert [json.loads(bytes(decode(record.value).properties))["n"] for record in records] == list(range(500))


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_what_is_not_a_post_of_json_is_refused_by_its_meaning(api: httpx.AsyncClient) -> None:
    half = b" " * 600_000
    answers = {
        405: [await api.get("/log"), await api.put("/log", json=body())],
        415: [
            await api.post("/log", data={"a": "b"}),
            await api.post("/log", content=b"{}", headers={"Content-Encoding": "gzip"}),
        ],
        413: [await api.post("/log", content=half * 2), await api.post("/log", content=_chunks(half, half))],
        404: [await api.post("/logs", json=body())],
        400: [await api.post("/log")],
    }
    for status, of_this_status in answers.items():
        for answer in of_this_status:
            assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answers[405][0].headers["allow"] == "POST"


async def test_a_body_that_does_not_arrive_is_given_up_at_the_deadline(serve: Serve) -> None:
    api = await serve(request_timeout_s=0.5, kafka_request_timeout_ms=400)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.base_url.port)
    writer.write(b"POST /log HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(10):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_too_many_actions_in_one_request_are_refused(serve: Serve) -> None:
    api = await serve(max_actions=2)
    answer = await api.post("/log", json={**body(), "actions": [ACTION] * 3})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "$.actions")


async def test_the_documentation_shows_the_sample_and_every_answer(api: httpx.AsyncClient) -> None:
    post = (await api.get("/openapi.json")).json()["paths"]["/log"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"] == EXAMPLE
    assert set(post["responses"]) == {"200", "400", "408", "413", "415", "503"}
    assert (await api.get("/docs")).status_code == 200


async def test_the_metrics_count_what_was_accepted_and_refused(api: httpx.AsyncClient) -> None:
    async def measured() -> dict[str, float]:
        lines = (await api.get("/metrics")).text.splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    (await api.post("/log", json={})).json()
    before = await measured()
    (await api.post("/log", json=body())).raise_for_status()
    await api.post("/log", json={})
    after = await measured()
    refused = 'producer_refused_requests_total{reason="invalid-request"}'
    for name in ("producer_accepted_actions_total", refused, "producer_batch_records_count"):
        assert after[name] - before[name] == 1
    assert after["producer_inflight_bytes"] == 0

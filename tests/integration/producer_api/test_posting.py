"""POST /log against the real broker: what is answered, and what is then on the topic."""

import asyncio
import gzip
import json
import sys
import uuid
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import brotli
import httpx
import pytest

from contract.receipt import Receipt
from contract.record import SCHEMA_HEADER, decode
from producer_api.kafka_producer import key_hash
from producer_api.openapi import EXAMPLE
from tests.integration.producer_api.conftest import Serve
from tests.integration.producer_api.posting import ACTION, body
from tests.integration.producer_api.topic import records_on
from tests.namespace import Namespace

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PROBLEM = "application/problem+json"
NOTHING: dict[str, Any] = {"accepted": 0, "rejected": [], "ids": []}


@pytest.fixture
async def api(serve: Serve) -> httpx.AsyncClient:
    return await serve()


async def test_the_sample_is_answered_after_its_records_are_on_the_topic(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    sent = json.dumps(EXAMPLE, indent=1).encode()
    answer = await api.post("/log", content=sent, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (200, 3, [])

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
        assert (answer.status_code, answer.json()) == (200, {**NOTHING, "receipt": Receipt({}).encode()})


async def test_the_receipt_leads_to_the_last_record_on_each_partition(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    for _ in range(3):
        envelopes = [{**body(user_id=f"user-{n}"), "actions": [ACTION] * 2} for n in range(10)]
        answer = await api.post("/log", json=envelopes)
        records = await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
        last = {record.partition: record.offset for record in records}
        assert Receipt.decode(answer.json()["receipt"]).offsets == last
        assert len(last) == 3


async def test_valid_actions_are_accepted_and_the_others_reported(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    actions = [ACTION, {**ACTION, "time": "2018-10-18T21:37:30", "typ": "A"}, {**ACTION, "type": "VIEW"}]
    answer = await api.post("/log", json={**body(), "actions": actions})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
    reason = "must have an offset: 2018-10-18T21:37:30-06:00, or Z for UTC"
    assert answer.json()["rejected"] == [{"index": 1, "path": "$.actions[1].time", "reason": reason}]
    records = await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
    assert [decode(record.value).event_id for record in records] == answer.json()["ids"]
    assert [decode(record.value).type for record in records] == ["CLICK", "VIEW"]


async def test_when_none_is_valid_or_all_are_wanted_the_request_is_refused_and_nothing_is_published(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    wrong = {**ACTION, "time": "2018-10-18T21:37:30", "typ": "A"}
    for path, actions in (("/log", [wrong]), ("/log?atomic=true", [wrong, ACTION])):
        answer = await api.post(path, json={**body(), "actions": actions})
        problem = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
        assert problem["detail"].startswith("$.actions[0].time: must have an offset")
        assert [error["path"] for error in problem["errors"]] == ["$.actions[0].time", "$.actions[0].typ"]
        assert {error["index"] for error in problem["errors"]} == {0}
        assert ("because atomic=true" in problem["detail"]) == ("atomic" in path)
    assert await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic) == []


async def test_a_dry_run_says_what_would_happen_and_publishes_nothing(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    given = "0190163d-8694-739b-aea5-966c26f8ad91"
    actions = [{**ACTION, "id": given}, {**ACTION, "type": "!"}, ACTION, ACTION]
    sent = {**body(), "actions": actions}
    dry = (await api.post("/log?dryRun=true", json=sent)).json()
    assert dry.pop("rejected")[0]["index"] == 1
    assert dry == {"accepted": 3, "ids": [given, None, None], "dryRun": True}
    assert (await api.post("/log?dryRun=true&atomic=true", json=sent)).status_code == 400

    key = {"Idempotency-Key": "dry"}
    foretold = (await api.post("/log?dryRun=true", json=sent, headers=key)).json()["ids"]
    assert await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic) == []
    assert (await api.post("/log", json=sent, headers=key)).json()["ids"] == foretold


async def test_a_request_sent_again_under_its_idempotency_key_has_the_same_ids(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": '"once"'}
    first, again = [await api.post("/log", json=EXAMPLE, headers=key) for _ in range(2)]
    other = await api.post("/log", json=EXAMPLE, headers={"Idempotency-Key": "twice"})
    assert first.json()["ids"] == again.json()["ids"]
    assert not set(first.json()["ids"]) & set(other.json()["ids"])


async def test_lines_arrays_and_compressed_bodies_are_one_to_the_sink(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    envelope = json.dumps(body()).encode()
    lines = {"Content-Type": "application/x-ndjson"}
    sent: list[tuple[bytes, dict[str, str]]] = [
        (envelope, {"Content-Type": "text/plain;charset=UTF-8"}),
        (b"[%b,%b]" % (envelope, envelope), {}),
        (b"%b\n\n%b\n" % (envelope, envelope), lines),
        (gzip.compress(envelope), {"Content-Encoding": "gzip"}),
        (zlib.compress(envelope), {"Content-Encoding": "deflate"}),
        (zstd.compress(envelope), {"Content-Encoding": "zstd"}),
        (brotli.compress(envelope), {"Content-Encoding": "br"}),
        (brotli.compress(gzip.compress(b"%b\n" % envelope)), {**lines, "Content-Encoding": "gzip, br"}),
    ]
    ids = []
    for content, headers in sent:
        answer = await api.post("/log", content=_chunks(content[:9], content[9:]), headers=headers)
        assert answer.status_code == 200, answer.text
        ids += answer.json()["ids"]
    assert len(ids) == 10
    stored = await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
    records = [decode(record.value) for record in stored]
    assert [record.event_id for record in records] == ids
    assert {bytes(record.properties) for record in records} == {b'{"a": 1}'}


async def test_sent_at_is_kept_as_the_skew_of_the_client_s_clock(
    api: httpx.AsyncClient, empty_namespace: Namespace
) -> None:
    before = datetime.now(UTC)
    an_hour_ago = (before - timedelta(hours=1)).isoformat()
    (await api.post("/log", json={**body(), "sentAt": an_hour_ago})).raise_for_status()
    (record,) = await records_on(empty_namespace.infra.kafka_bootstrap, empty_namespace.topic)
    skew_ms = decode(record.value).clock_skew_ms
    assert skew_ms is not None
    assert 3_600_000 <= skew_ms <= 3_600_000 + (datetime.now(UTC) - before) / timedelta(milliseconds=1) + 1


async def test_every_answer_carries_the_id_of_its_request(api: httpx.AsyncClient) -> None:
    given = {"X-Request-Id": "my-request.1"}
    for answer in (
        await api.post("/log", json=body(), headers=given),
        await api.post("/log", json={}, headers=given),
        await api.get("/livez", headers=given),
        await api.get("/nowhere", headers=given),
    ):
        assert answer.headers.get_list("x-request-id") == ["my-request.1"]
    without = [await api.post("/log", json=body()), await api.post("/log", json=body(), headers={"X-Request-Id": "<"})]
    assert len({uuid.UUID(answer.headers["x-request-id"]) for answer in without}) == 2


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
            await api.post("/log", content=b"{}", headers={"Content-Encoding": "compress"}),
        ],
        413: [await api.post("/log", content=half * 2), await api.post("/log", content=_chunks(half, half))],
        404: [await api.post("/logs", json=body())],
        400: [
            await api.post("/log"),
            await api.post("/log", content=b"{}", headers={"Content-Encoding": "gzip"}),
            await api.post("/log?dryrun=true", json=body()),
            await api.post("/log", json=body(), headers={"Idempotency-Key": ""}),
        ],
    }
    for status, of_this_status in answers.items():
        for answer in of_this_status:
            assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answers[405][0].headers["allow"] == "POST"
    assert answers[415][1].headers["accept-encoding"] == "gzip, deflate, zstd, br"


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
    assert post["requestBody"]["content"]["application/json"]["examples"]["one envelope"]["value"] == EXAMPLE
    assert set(post["responses"]) == {"200", "400", "401", "403", "405", "408", "413", "415", "429", "503"}
    assert (await api.get("/docs")).status_code == 200


async def test_the_metrics_count_what_was_accepted_and_refused(api: httpx.AsyncClient) -> None:
    async def measured() -> dict[str, float]:
        lines = (await api.get("/metrics")).text.splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    await api.post("/log", json={"sessionId": "s", "actions": [ACTION]})
    before = await measured()
    (await api.post("/log", json=body())).raise_for_status()
    await api.post("/log", json={"sessionId": "s", "actions": [ACTION]})
    after = await measured()
    rejected = 'actionlog_producer_rejected_actions_total{field="userId"}'
    refused = 'actionlog_producer_refused_requests_total{reason="invalid-request"}'
    for name in (
        "actionlog_producer_accepted_actions_total",
        refused,
        rejected,
        "actionlog_producer_batch_records_count",
    ):
        assert after[name] - before[name] == 1
    assert after["actionlog_producer_inflight_bytes"] == 0

"""GET /pipeline with the real Kafka and sink: how far it is, how fast, and what is wrong."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from query_api.live.kafka_log import Offsets
from query_api.settings import Settings
from tests.integration.consumer import sinks
from tests.integration.query_api import live
from tests.integration.query_api.conftest import Serve
from tests.integration.query_api.keyed import KeyRing
from tests.integration.query_api.topic import publish, record
from tests.namespace import Namespace
from tests.stack import StartService
from tests.waiting import wait_until_async


async def asked(client: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    response = await client.get("/pipeline", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


async def test_it_tells_what_waits_and_for_how_long_and_when_all_is_stored(
    namespace: Namespace, serve: Serve, start_service: StartService
) -> None:
    posted_at = time.time()
    await publish(namespace, [record() for _ in range(30)], partition=0)
    await publish(namespace, [record() for _ in range(12)], partition=2)
    async with serve(pipeline_max_age_ms=0) as client:
        waiting = await known(client)
        assert waiting["lagRecords"] == 42
        assert waiting["lagSeconds"] is not None
        assert waiting["storedUntil"] is not None
        assert datetime.fromisoformat(waiting["storedUntil"]).timestamp() <= time.time()
        assert waiting["partitions"] == [
            {"partition": 0, "committed": 0, "end": 30},
            {"partition": 1, "committed": 0, "end": 0},
            {"partition": 2, "committed": 0, "end": 12},
        ]
        # Asked while it starts: what was read more than 15 s ago counts for no rate.
        sinks.start(start_service, wait=False)
        highest: dict[str, float] = {"stored": 0.0}
        done: dict[str, Any] = {}

        async def is_all_stored() -> bool:
            done.update(await asked(client))
            highest["stored"] = max(highest["stored"], done["storedPerSecond"] or 0.0)
            return bool(done["lagRecords"] == 0 and done["lagSeconds"] == 0)

        await wait_until_async(is_all_stored, 60, "everything is stored")
        assert [partition["committed"] for partition in done["partitions"]] == [30, 0, 12]
        assert datetime.fromisoformat(done["storedUntil"]).timestamp() >= posted_at
        assert highest["stored"] > 0
        assert done["trouble"] is None
        assert done["ageSeconds"] >= 0


async def known(client: httpx.AsyncClient, **headers: str) -> dict[str, Any]:
    """An answer with figures: a Kafka that has just started has no coordinator for groups yet."""
    answer: dict[str, Any] = {}

    async def is_known() -> bool:
        answer.update(await asked(client, **headers))
        return answer["trouble"] is None

    await live.until(is_known, "Kafka tells how far the sink is")
    return answer


def passed(moment_s: float) -> Callable[[], Awaitable[bool]]:
    async def is_past() -> bool:
        return time.time() >= moment_s

    return is_past


async def test_kafka_tells_where_the_log_stood_at_an_earlier_time(namespace: Namespace) -> None:
    own = {"kafka_bootstrap_servers": namespace.infra.kafka_bootstrap, "kafka_topic": namespace.topic}
    offsets = Offsets(Settings.model_validate({**own, "kafka_request_timeout_ms": live.KAFKA_REQUEST_TIMEOUT_MS}))
    try:
        await publish(namespace, [record()] * 3, partition=1)
        between_s = time.time() + 0.002  # Kafka's times are whole milliseconds
        await wait_until_async(passed(between_s + 0.002), 10, "the clock is past it")
        await publish(namespace, [record()] * 2, partition=1)
        assert await offsets.ends_at(between_s) == {1: 3}
        assert await offsets.ends_at(0.0) == {1: 0}
        assert await offsets.ends_at(time.time() + 60) == {}
        assert await offsets.ends() == {0: 0, 1: 5, 2: 0}
    finally:
        await offsets.close()


async def test_a_key_with_a_scope_is_told_no_numbers_of_records(
    namespace: Namespace, serve: Serve, tmp_path: Path
) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    narrow, wide = ring.add("narrow", userIds=["nobody"]), ring.add("wide")
    await publish(namespace, [record()] * 5)
    async with serve(keys_file=ring.file, pipeline_max_age_ms=0) as client:
        assert (await client.get("/pipeline")).status_code == 401
        told = await known(client, **narrow)
        assert {name for name, value in told.items() if value not in (None, [])} == {"ageSeconds", "lagSeconds"}
        assert (await known(client, **wide))["lagRecords"] == 5


async def test_while_kafka_is_away_it_says_so_and_goes_on(namespace: Namespace, serve: Serve) -> None:
    async with serve(kafka_bootstrap_servers="127.0.0.1:1", kafka_request_timeout_ms=1_000) as client:
        answer = await asked(client)
    assert answer["trouble"].startswith("Kafka is away or busy")
    assert {answer[name] for name in ("lagRecords", "lagSeconds", "storedUntil", "acceptedPerSecond")} == {None}
    assert answer["partitions"] == []


@pytest.mark.parametrize("parameter", ["userId", "after", "x"])
async def test_it_takes_no_parameters(namespace: Namespace, serve: Serve, parameter: str) -> None:
    async with serve() as client:
        refused = await client.get("/pipeline", params={parameter: "1"})
    assert refused.status_code == 400
    assert refused.json()["errors"] == [{"path": parameter, "reason": "unknown parameter; this route has none"}]

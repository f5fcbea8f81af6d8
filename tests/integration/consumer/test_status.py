"""What `/status` and the metrics say of a running sink, on the real broker."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from consumer.intent import Position
from deploy.setup.topic import ensure_topic
from tests.integration.consumer import topic
from tests.integration.consumer.sinks import counted, metric, start
from tests.namespace import Namespace
from tests.relay import relay
from tests.services import Service
from tests.stack import StartService
from tests.unit.consumer.records import record
from tests.waiting import wait_until, wait_until_async


def status(service: Service) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{service.url}/status").raise_for_status().json()
    return answer


def reason(service: Service) -> str:
    return httpx.get(f"{service.url}/readyz").text


def partition(service: Service, number: int) -> dict[str, Any]:
    """Its entry; empty before it is assigned."""
    return next((item for item in status(service)["partitions"] if item["partition"] == number), {})


async def test_it_says_how_far_each_partition_is(namespace: Namespace, start_service: StartService) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(30)])
    await topic.write(namespace, 2, [record(0).value for _ in range(5)])
    service = start(start_service, KAFKA_SESSION_TIMEOUT_MS="10000")  # a new session would know of nothing stored
    counted(namespace, 35)
    wait_until(lambda: status(service)["totals"]["lag_records"] == 0, 60, "everything is committed")
    seen = status(service)
    assert [item["committed"] for item in seen["partitions"]] == [30, 0, 5]
    assert [item["log_end"] for item in seen["partitions"]] == [30, 0, 5]
    assert {(item["state"], item["lag_seconds"], item["waits_for"]) for item in seen["partitions"]} == {
        ("collecting", 0.0, None)
    }
    assert seen["partitions"][0]["watermark_time"] is not None
    assert seen["partitions"][1]["watermark_time"] is None, "it has stored nothing there"
    assert seen["generation"] >= 1
    assert seen["totals"] == {
        "partitions": 3,
        "lag_records": 0,
        "lag_seconds": 0.0,
        "lost_records": 0,
        "log_cuts": 0,
        "buffered_bytes": 0,
    }
    wait_until(lambda: metric(service, "actionlog_sink_log_end_offset") == 35, 60, "the metrics say the same")
    wait_until(lambda: metric(service, "actionlog_sink_lag_records") == 0, 60, "the metrics say the same")


async def test_a_backlog_behind_a_lost_clickhouse_shows_in_full(
    namespace: Namespace, start_service: StartService, free_port: Callable[[], int]
) -> None:
    """More than is buffered: the log's end is asked for when fetches no longer tell it."""
    async with relay(namespace.infra.clickhouse_url, free_port()) as way:
        service = start(start_service, wait=False, CLICKHOUSE_URL=way.url, MAX_BLOCK_ROWS="10")

        async def seen() -> dict[str, Any]:
            async with httpx.AsyncClient() as client:
                try:
                    partitions = (await client.get(f"{service.url}/status", timeout=3)).json()["partitions"]
                except httpx.TransportError:
                    return {}
            return next((item for item in partitions if item["partition"] == 1), {})

        async def assigned() -> bool:
            return bool(await seen())

        await wait_until_async(assigned, 60, "assigned")
        await way.cut()
        # In one batch: of several, the first may come alone and be a block by itself.
        await topic.write(namespace, 1, [record(0).value for _ in range(20)], as_one=True)

        async def waits() -> bool:
            return (await seen()).get("waits_for") is not None

        await wait_until_async(waits, 60, "a block waits, and as much as another is buffered")
        await topic.write(namespace, 1, [record(0).value for _ in range(480)])
        entries: list[dict[str, Any]] = []

        async def lags() -> bool:
            entries.append(await seen())
            return entries[-1].get("lag_records") == 500 and entries[-1]["waits_for"] is not None

        await wait_until_async(lags, 60, "the whole backlog")
        entry = entries[-1]
        assert (entry["state"], entry["block_end"], entry["committed"]) == ("delivering", 10, 0)
        assert "ClickHouse" in entry["waits_for"]
        assert entry["lag_seconds"] > 0


async def test_transactions_end_marks_are_no_lag(namespace: Namespace, start_service: StartService) -> None:
    """Replayed dead letters come in transactions: the last offset of the log is then no record."""
    await topic.write_in_transactions(namespace, 0, [record(0).value for _ in range(3)])
    service = start(start_service)
    counted(namespace, 3)
    at_the_end = {"committed": 5, "log_end": 8, "lag_records": 0, "lag_seconds": 0.0}
    # At once: while a fetch is taken in, the end mark that it has passed is lag again.
    wait_until(lambda: at_the_end.items() <= partition(service, 0).items(), 60, "no lag")


async def test_records_that_retention_deleted_while_the_sink_was_away_are_shown(
    namespace: Namespace, start_service: StartService
) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(10)])
    await topic.commit(namespace, {0: Position(2)})
    await topic.delete_before(namespace, 0, 7)
    service = start(start_service)
    counted(namespace, 3)
    wait_until(lambda: partition(service, 0).get("committed") == 10, 60, "it goes on behind the gap")
    assert (partition(service, 0)["lost_records"], status(service)["totals"]["lost_records"]) == (5, 5)
    assert metric(service, "actionlog_sink_records_lost_total") == 5


async def test_records_that_retention_deletes_while_the_sink_runs_are_shown(
    namespace: Namespace, start_service: StartService, free_port: Callable[[], int]
) -> None:
    """The sink waits for ClickHouse with a full buffer; meanwhile the log's start passes what it would read next."""
    small = {"MAX_BUFFERED_BYTES": "1048576", "MAX_BLOCK_BYTES": "1048576"}
    async with relay(namespace.infra.clickhouse_url, free_port()) as way:
        service = start(start_service, wait=False, CLICKHOUSE_URL=way.url, MAX_BLOCK_ROWS="10", **small)

        async def says(wanted: dict[str, Any]) -> bool:
            async with httpx.AsyncClient() as client:
                try:
                    partitions = (await client.get(f"{service.url}/status", timeout=3)).json()["partitions"]
                except httpx.TransportError:
                    return False
            return any(item.items() >= wanted.items() for item in partitions)

        await wait_until_async(lambda: says({"partition": 0, "committed": 0}), 60, "assigned")
        await way.cut()
        # Each under an id of its own: of equal ones, a merge would leave one row.
        values = [value for value in (record(offset).value for offset in range(200)) if value is not None]
        await topic.write(namespace, 0, [value[:-2] + b" " * 100_000 + value[-2:] for value in values])
        await wait_until_async(lambda: says({"partition": 0, "state": "delivering"}), 60, "a block waits")
        await topic.delete_before(namespace, 0, 198)
        await way.connect()
        await wait_until_async(lambda: says({"partition": 0, "committed": 200}), 60, "it goes on behind the gap")
    stored = int(namespace.query("SELECT uniqExact(offset) FROM {db}.actions"))
    lost = partition(service, 0)["lost_records"]
    assert lost > 0
    assert stored + lost == 200
    assert metric(service, "actionlog_sink_records_lost_total") == lost
    assert "deleted by retention" in service.log


async def deleted(namespace: Namespace) -> None:
    """The topic deleted."""
    admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([namespace.topic])

        async def gone() -> bool:
            return namespace.topic not in await admin.list_topics()

        await wait_until_async(gone, 60, "the topic is gone")
    finally:
        await admin.close()


async def made_again(namespace: Namespace) -> None:
    """Empty: its offsets start at 0."""
    await ensure_topic(namespace.setup_settings())


@pytest.mark.parametrize("intent", [None, 120])
async def test_a_topic_made_again_is_read_from_its_start_and_said(
    namespace: Namespace, start_service: StartService, intent: int | None
) -> None:
    """Kafka forgets a group's offsets with the topic; here they are left behind, as by a copied group."""
    await topic.commit(namespace, {0: Position(100, intent)})
    await topic.write(namespace, 0, [record(0).value for _ in range(10)])
    service = start(start_service)
    counted(namespace, 10)
    wait_until(lambda: partition(service, 0).get("committed") == 10, 60, "the new log is stored")
    assert (partition(service, 0)["log_cuts"], metric(service, "actionlog_sink_log_cuts_total")) == (1, 1)
    assert "was the topic deleted and made again?" in service.log
    service.kill()
    service.start()
    await topic.write(namespace, 0, [record(0).value])
    counted(namespace, 11)


async def test_a_topic_made_again_under_a_running_sink_loses_and_doubles_nothing(
    namespace: Namespace, start_service: StartService
) -> None:
    service = start(start_service)
    await topic.write(namespace, 0, [record(0).value for _ in range(50)])
    counted(namespace, 50)
    wait_until(lambda: partition(service, 0).get("committed") == 50, 60, "committed")
    await deleted(namespace)
    wait_until(lambda: "does not exist" in reason(service), 60, "the sink is not ready without its topic, and says so")
    assert not service.is_ready()
    await made_again(namespace)
    await topic.write(namespace, 0, [record(0).value for _ in range(7)])
    counted(namespace, 57)
    wait_until(lambda: partition(service, 0).get("committed") == 7, 60, "the watermark is the new log's")


async def test_what_was_stored_of_a_log_that_was_cut_is_not_stored_again(
    namespace: Namespace, start_service: StartService
) -> None:
    """An unclean election cut the log back to 30 records, which were stored before; 10 others came after it."""
    values = [record(0).value for _ in range(30)]
    await topic.write(namespace, 0, values)
    service = start(start_service, MAX_BLOCK_ROWS="15")
    counted(namespace, 30)
    assert service.terminate() == 0
    await topic.commit(namespace, {0: Position(100)})
    await topic.write(namespace, 0, [record(0).value for _ in range(10)])
    again = start(start_service)
    wait_until(lambda: partition(again, 0).get("committed") == 40, 60, "read again, in one block")
    assert namespace.query("SELECT count(), uniqExact(event_id) FROM {db}.actions") == "40\t40"

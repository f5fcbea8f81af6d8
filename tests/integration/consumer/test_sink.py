"""The consumer as a process: what it stores, what it recovers, how it waits, how it stops."""

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from consumer.block import build
from consumer.intent import Position
from consumer.store import Store
from tests.integration.consumer import topic
from tests.namespace import Namespace
from tests.relay import relay
from tests.services import Service
from tests.stack import StartService
from tests.unit.consumer.records import action, record
from tests.waiting import wait_until, wait_until_async

COUNTS = "SELECT count(), uniqExact(event_id) FROM {db}.actions"


def start(start_service: StartService, *, wait: bool = True, **settings: str) -> Service:
    """A consumer that is quick to flush, to repeat and to be given up."""
    quick = {"FLUSH_AFTER_MS": "50", "KAFKA_SESSION_TIMEOUT_MS": "2000", "BACKOFF_MAX_MS": "200"}
    return start_service("consumer", wait=wait, port=None, **{**quick, **settings})


def counted(namespace: Namespace, rows: int) -> None:
    wait_until(lambda: namespace.query(COUNTS) == f"{rows}\t{rows}", 90, f"{rows} rows, each once")


def metric(service: Service, name: str) -> float:
    """The sum of a metric's samples."""
    text = httpx.get(f"{service.url}/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


async def test_records_of_all_partitions_are_stored_and_committed(
    namespace: Namespace, start_service: StartService
) -> None:
    for partition, count in enumerate((500, 1, 70)):
        await topic.write(namespace, partition, [record(0).value for _ in range(count)])
    service = start(start_service)
    counted(namespace, 571)

    async def all_committed() -> bool:
        return await topic.committed(namespace) == {0: Position(500), 1: Position(1), 2: Position(70)}

    await wait_until_async(all_committed, 60, "the ends of the blocks are committed")
    assert metric(service, "actionlog_sink_records_stored_total") == 571


async def test_what_is_no_action_is_kept_and_counted_and_does_not_stop_the_rest(
    namespace: Namespace, start_service: StartService
) -> None:
    await topic.write(namespace, 0, [record(0).value, b"\xff\xfe", record(0).value, None, b'{"event_id": 1}'])
    service = start(start_service)
    offsets = "SELECT arraySort(groupArray(offset)) FROM {db}.dead_letters"
    wait_until(lambda: namespace.query(offsets) == "[1,3,4]", 60, "three dead letters")
    counted(namespace, 2)
    wait_until(lambda: metric(service, "actionlog_sink_dead_lettered_total") == 3, 60, "they are counted")


@pytest.mark.parametrize("already_stored", [True, False])
async def test_a_block_that_an_earlier_owner_began_is_finished_once(
    namespace: Namespace, start_service: StartService, store: Store, *, already_stored: bool
) -> None:
    records = [record(offset) for offset in range(30)]
    await topic.write(namespace, 0, [item.value for item in records])
    await topic.commit(namespace, {0: Position(0, intent=20)})
    if already_stored:
        [part] = build(namespace.topic, 0, 0, 20, records[:20]).sub_blocks
        await store.insert(part, part.token)
    start(start_service)
    counted(namespace, 30)


async def test_a_block_whose_token_is_known_but_whose_rows_are_gone_is_stored(
    namespace: Namespace, start_service: StartService, store: Store
) -> None:
    records = [record(offset) for offset in range(20)]
    await topic.write(namespace, 0, [item.value for item in records])
    await topic.commit(namespace, {0: Position(0, intent=20)})
    [part] = build(namespace.topic, 0, 0, 20, records).sub_blocks
    await store.insert(part, part.token)
    namespace.query("ALTER TABLE {db}.actions DELETE WHERE 1 SETTINGS mutations_sync = 2")
    start(start_service)
    counted(namespace, 20)


async def test_clickhouse_away_is_waited_for_and_nothing_is_lost(
    namespace: Namespace, start_service: StartService, free_port: Callable[[], int]
) -> None:
    async with relay(namespace.infra.clickhouse_url, free_port()) as way:
        service = start(start_service, wait=False, CLICKHOUSE_URL=way.url)
        await wait_until_async(ready(service), 60, "ready")
        await way.cut()
        await topic.write(namespace, 0, [record(0).value for _ in range(100)])

        async def says_why() -> bool:
            return "ClickHouse" in await answer(service, "/readyz", 503)

        await wait_until_async(says_why, 60, "unready, and says why")
        assert namespace.query(COUNTS) == "0\t0"
        await way.connect()

        async def stored() -> bool:
            return namespace.query(COUNTS) == "100\t100"

        await wait_until_async(stored, 60, "everything is stored")
        await wait_until_async(ready(service), 60, "ready again")


async def test_tables_missing_at_start_are_waited_for(namespace: Namespace, start_service: StartService) -> None:
    namespace.query("RENAME TABLE {db}.actions TO {db}.hidden")
    await topic.write(namespace, 0, [record(0).value])
    service = start(start_service, wait=False)
    wait_until(lambda: "run `python -m deploy.setup`" in service.log, 60, "it says what to run")
    namespace.query("RENAME TABLE {db}.hidden TO {db}.actions")
    counted(namespace, 1)


async def test_sigterm_finishes_what_is_in_flight_and_the_next_process_goes_on(
    namespace: Namespace, start_service: StartService
) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(20_000)])
    service = start(start_service, MAX_BLOCK_ROWS="500")
    wait_until(lambda: namespace.query(COUNTS) != "0\t0", 60, "the first rows")
    assert service.terminate() == 0
    assert all(position.intent is None for position in (await topic.committed(namespace)).values())
    service.start()  # at once: the first one has left the group
    counted(namespace, 20_000)


async def test_a_killed_owner_loses_and_doubles_nothing(namespace: Namespace, start_service: StartService) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(20_000)])
    service = start(start_service, MAX_BLOCK_ROWS="500")
    wait_until(lambda: namespace.query(COUNTS) != "0\t0", 60, "the first rows")
    service.kill()
    service.start()
    counted(namespace, 20_000)


async def test_a_stopped_owner_that_wakes_after_its_session_corrupts_nothing(
    namespace: Namespace, start_service: StartService
) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(15_000)])
    zombie = start(start_service, MAX_BLOCK_ROWS="500")
    wait_until(lambda: namespace.query(COUNTS) != "0\t0", 60, "the first rows")
    zombie.pause()
    successor = start(start_service)
    counted(namespace, 15_000)  # stopped in a body's middle, its insert holds the block for 30 s: http_receive_timeout
    zombie.resume()
    await topic.write(namespace, 0, [record(0).value for _ in range(1_000)])
    await topic.write(namespace, 1, [record(0).value for _ in range(1_000)])
    wait_until(lambda: zombie.is_ready() and successor.is_ready(), 60, "both work again")
    counted(namespace, 17_000)


async def test_records_that_retention_deleted_unread_are_counted_as_lost(
    namespace: Namespace, start_service: StartService
) -> None:
    await topic.write(namespace, 0, [record(0).value for _ in range(10)])
    await topic.commit(namespace, {0: Position(2)})
    await topic.delete_before(namespace, 0, 7)
    service = start(start_service)
    counted(namespace, 3)
    assert metric(service, "actionlog_sink_records_lost_total") == 5
    assert "deleted by retention" in service.log


async def test_an_idle_sink_inserts_nothing(namespace: Namespace, start_service: StartService) -> None:
    service = start(start_service)
    await topic.write(namespace, 0, [record(0, action()).value])
    counted(namespace, 1)
    wait_until(lambda: metric(service, "actionlog_sink_insert_seconds_count") > 0, 60, "its insert is answered")
    assert metric(service, "actionlog_sink_insert_seconds_count") == 1


async def answer(service: Service, path: str, status: int) -> str:
    """The body of an answer with that status, else nothing."""
    async with httpx.AsyncClient() as client:
        try:
            response = await client.get(service.url + path, timeout=3)
        except httpx.TransportError:
            return ""
    return response.text if response.status_code == status else ""


def ready(service: Service) -> Callable[[], Awaitable[bool]]:
    async def is_ready() -> bool:
        return bool(await answer(service, "/readyz", 200))

    return is_ready

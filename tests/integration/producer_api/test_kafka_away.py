"""Kafka away, killed, frozen, without the topic: refused in time, never a hang, and well again by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from contract.receipt import Receipt
from contract.record import decode
from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.own_kafka import OwnKafka
from tests.integration.producer_api.posting import body, clients
from tests.integration.producer_api.topic import delete_topic, make_topic, records_on, topics_of
from tests.namespace import Namespace
from tests.services import Service
from tests.waiting import wait_until, wait_until_async

TOPIC = "actions"
# Short, so that a test of the deadline is short.
DEADLINES = {"REQUEST_TIMEOUT_S": "1.5", "KAFKA_REQUEST_TIMEOUT_MS": "500", "KAFKA_CONNECT_TIMEOUT_S": "2"}
ANSWER_S = 15.0  # what hangs takes for ever, or until aiokafka's own timeout of 40 s
RESTARTED = "0190163d-8694-739b-aea5-966c26f8ad91"
RECOVERY_S = 120.0  # a broker may have to start


def refusal(service: Service) -> httpx.Response:
    """The answer to one action, which must come in time and be a refusal."""
    answer = httpx.post(f"{service.url}/log", json=body(), timeout=ANSWER_S)
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "2"), answer.text
    return answer


def accepts(service: Service) -> bool:
    return httpx.post(f"{service.url}/log", json=body(), timeout=ANSWER_S).status_code == 200


def assert_no_stack_trace(service: Service) -> None:
    """A producer that is given up leaves no task and no future behind that complains later."""
    assert "Traceback" not in service.log
    assert "never retrieved" not in service.log


async def test_away_at_the_start_then_there_then_killed_and_back(
    own_kafka: OwnKafka, start_producer: StartProducer
) -> None:
    own_kafka.stop()
    producer = start_producer(own_kafka.address, TOPIC, DEADLINES, wait=False)
    wait_until(lambda: _is_alive(producer), 60, "/livez answers without Kafka")
    wait_until(lambda: _kafka_check(producer) == "no Kafka broker answers", 60, "/readyz says why")
    assert not producer.is_ready()
    assert refusal(producer).json()["code"] == "kafka-unavailable"

    own_kafka.start()
    await asyncio.to_thread(own_kafka.wait)
    await make_topic(own_kafka.address, TOPIC)
    producer.wait_ready()

    async with clients(producer.url, 8) as running:
        await wait_until_async(_more_than(running.acknowledged, 50), 60, "50 actions are acknowledged")
        own_kafka.stop()
        await wait_until_async(_some_are(running.statuses, 503), ANSWER_S, "requests are refused in time")
        own_kafka.start()
        reached = len(running.acknowledged) + 50
        await wait_until_async(_more_than(running.acknowledged, reached), RECOVERY_S, "actions are acknowledged again")

    stored = await records_on(own_kafka.address, TOPIC)
    records = {decode(record.value).event_id: record for record in stored}
    assert len(records) == len(stored), "the producer's own retries have doubled an action"
    assert running.acknowledged <= set(records)
    for event_id, receipt in running.receipts.items():
        record = records[event_id]
        assert Receipt.decode(receipt).offsets == {record.partition: record.offset}
    assert set(running.statuses) == {200, 503}
    assert_no_stack_trace(producer)


@pytest.fixture
async def running_kafka(own_kafka: OwnKafka) -> AsyncIterator[OwnKafka]:
    """The broker running, with the topic, whatever tests ran before; and not frozen afterwards."""
    own_kafka.ensure_running()
    await make_topic(own_kafka.address, TOPIC)
    yield own_kafka
    own_kafka.thaw()


async def test_a_broker_restarted_in_the_middle_of_a_request_is_waited_for(
    running_kafka: OwnKafka, start_producer: StartProducer
) -> None:
    patient = {"REQUEST_TIMEOUT_S": "120", "KAFKA_REQUEST_TIMEOUT_MS": "2000"}
    producer = start_producer(running_kafka.address, TOPIC, patient)
    running_kafka.freeze()
    async with httpx.AsyncClient(base_url=producer.url, timeout=130) as client:
        posting = asyncio.create_task(client.post("/log", json=body(event_id=RESTARTED)))
        await wait_until_async(lambda: _has_in_flight(client), 60, "the request waits for Kafka")
        running_kafka.stop()
        running_kafka.start()
        answer = await posting
    assert answer.status_code == 200, answer.text
    stored = [record for record in await records_on(running_kafka.address, TOPIC) if RESTARTED.encode() in record.value]
    assert [Receipt.decode(answer.json()["receipt"]).offsets] == [{r.partition: r.offset} for r in stored]
    assert_no_stack_trace(producer)


def test_frozen_it_is_refused_at_the_deadline_then_at_once_and_recovers(
    running_kafka: OwnKafka, start_producer: StartProducer
) -> None:
    producer = start_producer(running_kafka.address, TOPIC, DEADLINES)
    wait_until(lambda: accepts(producer), RECOVERY_S, "it publishes")
    running_kafka.freeze()
    try:
        late = refusal(producer).json()
        assert late["code"] == "unacknowledged"
        assert "with the same ids is safe" in late["detail"]
        wait_until(lambda: refusal(producer).json()["code"] == "kafka-unavailable", 60, "it is given up")
    finally:
        running_kafka.thaw()
    wait_until(lambda: accepts(producer), RECOVERY_S, "it publishes again")
    assert_no_stack_trace(producer)


def test_asked_to_stop_while_kafka_is_frozen_it_answers_and_ends_in_time(
    running_kafka: OwnKafka, start_producer: StartProducer
) -> None:
    producer = start_producer(running_kafka.address, TOPIC, {"DRAIN_TIMEOUT_S": "3"})
    assert accepts(producer)
    running_kafka.freeze()
    try:
        with httpx.stream("POST", f"{producer.url}/log", json=body(), timeout=httpx.Timeout(ANSWER_S, read=1)) as _:
            pytest.fail("answered although Kafka is frozen")
    except httpx.ReadTimeout:
        pass  # it waits for Kafka, as the next one will
    finally:
        code = producer.terminate(deadline_s=12)  # it takes 3 s; without a bound, 15 s more or for ever
        running_kafka.thaw()
    assert code == 0
    assert_no_stack_trace(producer)


async def test_without_the_topic_it_says_what_to_run_and_never_makes_it(
    empty_namespace: Namespace, start_producer: StartProducer
) -> None:
    kafka, topic = empty_namespace.infra.kafka_bootstrap, empty_namespace.topic
    missing = f"topic '{topic}' does not exist: run python -m deploy.setup"
    producer = start_producer(kafka, topic, DEADLINES, wait=False)
    wait_until(lambda: _is_alive(producer), 60, "/livez answers without the topic")
    wait_until(lambda: _kafka_check(producer) == missing, 60, "/readyz says what to run")
    assert missing in refusal(producer).json()["detail"]
    assert topic not in await topics_of(kafka)

    await make_topic(kafka, topic)
    producer.wait_ready()
    wait_until(lambda: accepts(producer), RECOVERY_S, "it publishes")

    await delete_topic(kafka, topic)
    wait_until(lambda: _kafka_check(producer) == missing, 60, "/readyz notices that the topic is gone")
    assert missing in refusal(producer).json()["detail"]
    await make_topic(kafka, topic, partitions=1)
    wait_until(lambda: accepts(producer), RECOVERY_S, "it publishes to the new topic")


async def _has_in_flight(client: httpx.AsyncClient) -> bool:
    lines = (await client.get("/metrics")).text.splitlines()
    return any(line.startswith("actionlog_producer_inflight_bytes ") and not line.endswith(" 0.0") for line in lines)


def _is_alive(service: Service) -> bool:
    try:
        return httpx.get(f"{service.url}/livez").status_code == 200
    except httpx.TransportError:
        return False


def _kafka_check(service: Service) -> str:
    return str(httpx.get(f"{service.url}/readyz", timeout=ANSWER_S).json()["checks"]["kafka"])


def _more_than(ids: set[str], count: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return len(ids) > count

    return reached


def _some_are(statuses: list[int], wanted: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return wanted in statuses

    return reached

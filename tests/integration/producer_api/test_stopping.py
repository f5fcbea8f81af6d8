"""SIGTERM under load: nothing acknowledged is lost, and every request that arrives is answered."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field

import httpx

from contract.record import decode
from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.posting import body, clients
from tests.integration.producer_api.topic import records_on
from tests.namespace import Namespace
from tests.services import Service
from tests.waiting import wait_until, wait_until_async

CLIENTS = 16
# A connection is idle while the machine gives its client, or the service, no time.
PATIENT = {"DRAIN_IDLE_S": "6"}


async def test_sigterm_under_load_loses_nothing_acknowledged_and_answers_what_it_took(
    empty_namespace: Namespace, topic: str, start_producer: StartProducer
) -> None:
    kafka = empty_namespace.infra.kafka_bootstrap
    producer = start_producer(kafka, topic, PATIENT)
    async with clients(producer.url, CLIENTS) as running:

        async def under_load() -> bool:
            return len(running.acknowledged) > 200

        await wait_until_async(under_load, 60, "200 actions are acknowledged")
        code = await asyncio.to_thread(producer.terminate)

    stored = [decode(record.value).event_id for record in await records_on(kafka, topic)]
    assert code == 0
    assert set(running.statuses) == {200}
    assert running.acknowledged == set(stored)
    assert len(stored) == len(set(stored))
    assert not running.unanswered, "a connection was closed under a request"


@dataclass
class Balanced:
    """Clients of several producers, as behind a balancer: who cannot connect to one goes to the next."""

    urls: list[str]
    acknowledged: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    stopping: bool = False

    async def run_one(self, number: int) -> None:
        chosen = number
        async with httpx.AsyncClient(timeout=30) as client:
            while not self.stopping:
                event_id = str(uuid.uuid4())
                sent = body(user_id=f"user-{number}", event_id=event_id)
                try:
                    answer = await client.post(f"{self.urls[chosen % len(self.urls)]}/log", json=sent)
                except httpx.ConnectError:
                    chosen += 1  # it never left
                except httpx.TransportError as error:
                    self.broken.append(repr(error))
                else:
                    assert answer.status_code == 200, answer.text
                    self.acknowledged.add(event_id)

    async def more(self, count: int) -> None:
        """Return once so many more are acknowledged."""
        reached = len(self.acknowledged) + count

        async def enough() -> bool:
            return len(self.acknowledged) >= reached

        await wait_until_async(enough, 60, f"{count} more actions are acknowledged")


async def test_a_rolling_restart_under_load_loses_nothing_and_resets_no_request(
    empty_namespace: Namespace, topic: str, start_producer: StartProducer
) -> None:
    kafka = empty_namespace.infra.kafka_bootstrap
    producers = [start_producer(kafka, topic, PATIENT) for _ in range(2)]
    balanced = Balanced([producer.url for producer in producers])
    async with asyncio.TaskGroup() as running:
        for number in range(CLIENTS):
            running.create_task(balanced.run_one(number))
        await balanced.more(100)
        for producer in producers:
            assert await asyncio.to_thread(producer.terminate) == 0
            await balanced.more(100)
            producer.start(wait=False)
            await asyncio.to_thread(producer.wait_ready)
        await balanced.more(100)
        balanced.stopping = True

    stored = [decode(record.value).event_id for record in await records_on(kafka, topic)]
    assert balanced.broken == []
    assert sorted(stored) == sorted(balanced.acknowledged)


async def test_a_request_on_an_idle_connection_is_still_answered_and_told_to_be_the_last(
    empty_namespace: Namespace, topic: str, start_producer: StartProducer
) -> None:
    producer = start_producer(empty_namespace.infra.kafka_bootstrap, topic, {"DRAIN_IDLE_S": "15"})
    reader, writer = await asyncio.open_connection("127.0.0.1", producer.port)
    async with asyncio.timeout(60):
        first = await _post(reader, writer)
        ending = asyncio.create_task(asyncio.to_thread(producer.terminate))
        await asyncio.to_thread(wait_until, lambda: _refuses_connections(producer), 10, "it has stopped listening")
        last = await _post(reader, writer)
        assert await reader.read() == b"", "it has closed the connection"
        writer.close()
        assert await ending == 0
    assert b"connection: close" not in first
    assert b"connection: close" in last


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer, which must be 200."""
    sent = json.dumps(body()).encode()
    writer.write(b"POST /log HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(sent), sent))
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200 "), head
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return head


def _refuses_connections(service: Service) -> bool:
    try:
        httpx.get(f"{service.url}/livez")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        return False  # one that was waiting to be accepted is reset when the listener closes
    return False

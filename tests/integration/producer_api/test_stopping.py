"""SIGTERM under load: nothing acknowledged is lost, and whoever was taken is answered."""

import asyncio

from contract.record import decode
from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.posting import clients
from tests.integration.producer_api.topic import records_on
from tests.namespace import Namespace
from tests.waiting import wait_until_async


async def test_sigterm_under_load_loses_nothing_acknowledged_and_answers_what_it_took(
    empty_namespace: Namespace, topic: str, start_producer: StartProducer
) -> None:
    kafka = empty_namespace.infra.kafka_bootstrap
    producer = start_producer(kafka, topic)
    async with clients(producer.url, 16) as running:

        async def under_load() -> bool:
            return len(running.acknowledged) > 200

        await wait_until_async(under_load, 20, "200 actions are acknowledged")
        code = await asyncio.to_thread(producer.terminate)

    stored = [decode(record.value).event_id for record in await records_on(kafka, topic)]
    assert code == 0
    assert set(running.statuses) == {200}
    assert running.acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    # A connection may be closed just as its next request is under way: such a request was never taken.
    assert not running.unanswered & set(stored)

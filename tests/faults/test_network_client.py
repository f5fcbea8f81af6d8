"""The Kafka client itself, when several of its requests on one connection are not answered in time."""

import asyncio
from collections.abc import Iterator

import pytest

from consumer.errors import SourceUnavailable
from consumer.settings import Settings
from consumer.source import Source
from tests.faults import ways as proxied
from tests.faults.rig import Rig
from tests.faults.ways import Ways
from tests.infra import Infra
from tests.waiting import wait_until_async


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    with proxied.running(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="module")
def servers_of_its_own(ways: Ways) -> Infra:
    """The rig's servers: here those behind the proxies."""
    return ways.infra


async def test_requests_that_time_out_together_are_all_timeouts(rig: Rig, ways: Ways) -> None:
    """aiokafka 0.14 can end one of them with a KeyError: where it strikes, it kills the task of the group for good."""
    values = rig.namespace.environment("consumer") | {"CONSUMER_KAFKA_BOOTSTRAP_SERVERS": ways.kafka.address}
    own = {name.removeprefix("CONSUMER_").lower(): value for name, value in values.items()}
    source = Source(Settings.model_validate({**own, "kafka_request_timeout_ms": 1_000}))
    await source.start()
    try:
        ways.kafka.silence()
        await asyncio.gather(*(ask_again_and_again(source) for _ in range(5)))
        ways.kafka.restore()
        await wait_until_async(lambda: answers(source), 20, "Kafka answers again")
    finally:
        ways.restore()
        await source.stop()


async def ask_again_and_again(source: Source) -> None:
    """Each time at once: the connection is made anew while the others learn that theirs has timed out."""
    for _ in range(3):
        with pytest.raises(SourceUnavailable):
            await source.ping()


async def answers(source: Source) -> bool:
    try:
        await source.ping()
    except SourceUnavailable:
        return False
    return True

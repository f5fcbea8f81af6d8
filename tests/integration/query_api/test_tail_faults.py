"""GET /log/tail when things come, go and fail: watchers that reconnect, keys, new partitions, Kafka, a stop."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from contract.record import ActionRecord
from query_api.errors import Overloaded
from query_api.filtering.filters import Filters
from query_api.live.kafka_ranges import Ranges
from query_api.live.tail import Tail
from query_api.live.tail_events import Entry, decode_id
from query_api.live.tail_stream import Stream
from query_api.live.tail_watcher import Watcher
from query_api.settings import Settings
from tests.integration.producer_api.own_kafka import OwnKafka
from tests.integration.producer_api.topic import make_topic
from tests.integration.query_api import live
from tests.integration.query_api.keyed import KeyRing
from tests.integration.query_api.streams import metric, serving, watching
from tests.integration.query_api.topic import publish, publish_at_once, record
from tests.namespace import Namespace
from tests.stack import StartService
from tests.waiting import wait_until_async


async def test_watchers_that_come_and_go_under_load_see_each_action_once(namespace: Namespace) -> None:
    sent = [record(user=f"u{number}") for number in range(600)]
    async with serving(namespace, tail_grace_s=0) as client:
        opened = asyncio.Event()
        watchers = [asyncio.create_task(_restless(client, len(sent), seed, opened)) for seed in range(4)]
        await opened.wait()

        async def all_watch() -> bool:
            return await metric(client, "actionlog_query_tail_watchers") == len(watchers)

        await wait_until_async(all_watch, 20, "all watch")
        for start in range(0, len(sent), 50):
            await publish(namespace, sent[start : start + 50], partition=start // 50 % 3)
        for seen in await asyncio.gather(*watchers):
            assert seen == Counter(each.event_id for each in sent)


async def _restless(client: httpx.AsyncClient, count: int, seed: int, opened: asyncio.Event) -> Counter[str]:
    """The ids that one watcher sees who leaves after a few events each time, and comes back with its last id."""
    chance, seen, last_id = random.Random(seed), Counter[str](), None
    while seen.total() < count:
        async with watching(client, last_id=last_id) as events:
            if last_id is None:
                await events.next(lambda event: event.id != "")
                opened.set()
            for action in await events.actions(min(chance.randrange(1, 80), count - seen.total())):
                seen[action["id"]] += 1
            last_id = events.last_id
    return seen


async def test_a_key_sees_what_its_scope_holds_and_nothing_hidden(namespace: Namespace, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys.json")
    ring.add("k", userIds=["mine"], hiddenProperties=["secret"])
    properties = '{"secret": "SECRET", "a": 1}'
    async with serving(namespace, keys_file=ring.file) as client:
        async with watching(client) as refused:
            assert refused.answer.status_code == 401
        async with watching(client, {"key": ring.secrets["k"]}) as events:
            foreign = record(user="foreign", properties=properties)
            await publish(namespace, [foreign, record(user="mine", properties=properties)])
            (seen,) = await events.actions(1)
            last_id = events.last_id
        assert (seen["userId"], seen["properties"]) == ("mine", {"a": 1})
        await publish(namespace, [foreign, record(user="mine", properties=properties)])
        async with watching(client, {"key": ring.secrets["k"]}, last_id=last_id) as events:
            (caught_up,) = await events.actions(1)
        assert (caught_up["userId"], caught_up["properties"]) == ("mine", {"a": 1})


@pytest.mark.partitions(1)
async def test_a_partition_that_is_added_is_read_from_its_beginning(namespace: Namespace) -> None:
    sent = record()
    async with serving(namespace) as client, watching(client) as events:
        admin = AIOKafkaAdminClient(bootstrap_servers=namespace.infra.kafka_bootstrap)
        await admin.start()
        await admin.create_partitions({namespace.topic: NewPartitions(3)})
        await wait_until_async(lambda: has_partitions(admin, namespace.topic, 3), 20, "the brokers know of them")
        await admin.close()
        await publish(namespace, [sent], partition=2)
        (seen,) = await events.actions(1)
    assert (seen["id"], seen["partition"], seen["offset"]) == (sent.event_id, 2, 0)


async def has_partitions(admin: AIOKafkaAdminClient, topic: str, count: int) -> bool:
    """Whether each has a leader: a producer asked before refuses a partition that it does not hear of."""
    [described] = await admin.describe_topics([topic])
    return [partition["leader"] >= 0 for partition in described["partitions"]] == [True] * count


async def test_a_tail_too_far_behind_goes_to_the_end_and_tells_the_gap(namespace: Namespace) -> None:
    sent = [record() for _ in range(1_000)]
    async with serving(namespace, tail_max_lag_records=1) as client, watching(client) as events:
        await publish_at_once(namespace, sent)
        seen, skipped = 0, 0
        while seen + skipped < len(sent):
            event = await events.next()
            if event.name == "gap":
                skipped += event.data["skipped"]
            else:
                seen += 1
        assert skipped > 0
        assert seen + skipped == len(sent)


async def test_a_watcher_that_takes_nothing_is_left(namespace: Namespace) -> None:
    """It stays connected and reads nothing, until the sockets between are full."""
    large = record(properties='{"text": "' + "x" * 60_000 + '"}')
    async with serving(namespace, tail_send_timeout_s=0.2) as client, watching(client) as events:
        await events.next(lambda event: event.id != "")
        await publish(namespace, [large] * 400)

        async def is_left() -> bool:
            return await metric(client, "actionlog_query_tail_watchers") == 0

        await wait_until_async(is_left, 20, "the watcher is left")


async def test_reads_of_the_past_are_bounded(namespace: Namespace) -> None:
    own = {"kafka_bootstrap_servers": namespace.infra.kafka_bootstrap, "kafka_topic": namespace.topic}
    ranges = Ranges(Settings.model_validate({**own, "range_reads": 1, "kafka_request_timeout_ms": 3_000}))
    async with ranges.opened():
        with pytest.raises(Overloaded, match="too many stretches"):
            async with ranges.opened():
                pass
    async with ranges.opened() as reader:
        assert set(await reader.bounds()) == {0, 1, 2}


async def test_who_is_ahead_of_the_tail_is_told_no_gap_and_sees_nothing_twice(namespace: Namespace) -> None:
    """A receipt is of what the tail has not come to yet when it is busy; so is an id that another process gave."""
    environment = namespace.environment("query_api")
    own = {name.removeprefix("QUERY_").lower(): value for name, value in environment.items()}
    settings = Settings.model_validate({**own, "kafka_request_timeout_ms": 10_000})
    before = [record() for _ in range(4)]
    await publish(namespace, before)
    missed = record()
    await publish(namespace, [missed], partition=1)
    watcher = Watcher(Filters(), {0: 2, 1: 1, 2: 0}, settings)  # 2 records behind
    stream = Stream(Tail(settings), Ranges(settings), settings, watcher, {0: 4, 1: 0, 2: 0})
    later = record()
    for offset, each in enumerate([*before, later]):
        if offset >= 2:
            watcher.offer(Entry(each, 0, offset, 1))
    async with aclosing(stream.chunks()) as chunks:
        await anext(chunks)  # the opening
        told = [(await anext(chunks)).decode() for _ in range(2)]
    assert missed.event_id in told[0]
    assert decode_id(told[0].split()[1]) == {0: 4, 1: 1, 2: 0}
    assert later.event_id in told[1]
    assert "".join(told).count("data: ") == 2


async def test_a_process_that_is_asked_to_stop_ends_its_streams(start_service: StartService) -> None:
    query = start_service("query_api", DRAIN_TIMEOUT_S="100", **live.PATIENT)
    async with httpx.AsyncClient(base_url=query.url, timeout=30) as client, watching(client) as events:
        await events.next(lambda event: event.id != "")
        stopping = asyncio.create_task(asyncio.to_thread(query.terminate))
        assert [event for event in await events.rest() if event.name] == []
        assert await stopping == 0
    assert "Traceback" not in query.log, query.log


@pytest.fixture(scope="module")
def own_kafka(infra: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnKafka]:
    kafka = OwnKafka(tmp_path_factory.mktemp("own-kafka"))
    yield kafka
    kafka.stop()


async def test_while_kafka_is_away_streams_stay_and_go_on_where_they_were(
    empty_namespace: Namespace, own_kafka: OwnKafka
) -> None:
    own_kafka.ensure_running()
    await make_topic(own_kafka.address, empty_namespace.topic)
    # Well above the half second that a fetch may wait for records, or each of them would time out on a busy machine.
    settings: dict[str, Any] = {"kafka_bootstrap_servers": own_kafka.address, "kafka_request_timeout_ms": 4_000}
    before, after = record(), record()
    async with serving(empty_namespace, **settings) as client, watching(client) as events:
        await _publish(own_kafka, empty_namespace, before)
        assert (await events.actions(1))[0]["id"] == before.event_id
        own_kafka.freeze()
        assert (await events.next()).name == "problem"
        own_kafka.thaw()
        await events.next(lambda event: event.name == "recovered")
        await _publish(own_kafka, empty_namespace, after)
        assert (await events.actions(1))[0]["id"] == after.event_id


async def _publish(kafka: OwnKafka, namespace: Namespace, sent: ActionRecord) -> None:
    await publish(namespace, [sent], bootstrap=kafka.address)

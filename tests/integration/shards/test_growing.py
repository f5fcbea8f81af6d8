"""From one server to two, as docs/cluster.md says: every answer is whole all the while, every action is stored once."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.setup import apply
from tests import namespace as names
from tests.infra import Infra
from tests.integration.consumer import sinks
from tests.integration.shards.test_end_to_end import PARTITIONS, STORED_S, USERS, Sender
from tests.services import Service
from tests.shards import ShardedNamespace, Shards, join, running
from tests.stack import StartService
from tests.waiting import wait_until


@pytest.fixture
def shards(infra: Infra, tmp_path: Path) -> Iterator[Shards]:
    with running(tmp_path / "engines", infra, 2, apart=True) as started:
        yield started


@pytest.fixture
def namespace(infra: Infra, shards: Shards) -> Iterator[ShardedNamespace]:
    """Names for both servers. The first has the tables, as a server that never heard of shards."""
    plain = names.new(infra)
    first = dataclasses.replace(infra, clickhouse_url=shards[0].url)
    names.create(dataclasses.replace(plain, infra=first), PARTITIONS)
    yield ShardedNamespace(first, plain.topic, plain.group, plain.database, shards)
    names.drop(plain)


@pytest.fixture
def start_alone(start_service: StartService) -> Callable[[str], Service]:
    """Starts a service that is told of no shards."""
    return lambda module: start_service(module, CLICKHOUSE_SHARD_URLS="")


def count_of(query: Service) -> int:
    answer = httpx.get(f"{query.url}/log/counts", timeout=60)
    return int(answer.json()["total"]["count"]) if answer.status_code == 200 else -1


async def test_a_second_server_is_added_while_actions_arrive_and_are_read(
    namespace: ShardedNamespace, start_service: StartService, start_alone: Callable[[str], Service]
) -> None:
    sender = Sender(start_service("producer_api").url)
    sink = sinks.start(start_service, CLICKHOUSE_SHARD_URLS="")
    old = start_alone("query_api")
    sender.send(USERS)
    before = set(sender.sent)
    wait_until(lambda: count_of(old) == len(before), STORED_S, "all is on the first server")

    settings = namespace.setup_settings()
    second = {"clickhouse_url": namespace.shards[1].url, "clickhouse_shard_urls": namespace.shards[1].url}
    assert await apply(settings.model_copy(update=second)), "step 1: the new server gets its tables"
    join(namespace.shards)
    new = start_service("query_api", wait=False)
    assert await apply(settings) == [], "both have the tables; what reads both is made silently"
    new.wait_ready(STORED_S)
    assert count_of(new) == len(before)
    assert not old.is_ready(), "it would leave out the new server"

    assert sink.terminate() == 0
    sinks.start(start_service)
    sender.send(USERS)
    wait_until(lambda: count_of(new) == len(sender.sent), STORED_S, "all is stored and read")
    rows = [set(ids.split()) for ids in namespace.on_each("SELECT event_id FROM {db}.actions")]
    after = set(sender.sent) - before
    assert rows == [before | (sender.on(0) & after), sender.on(1) & after]
    counted = namespace.on_each("SELECT count() FROM {db}.actions")
    assert sum(map(int, counted)) == len(sender.sent), "rows without FINAL"

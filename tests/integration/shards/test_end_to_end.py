"""From POST /log to GET /log over two shards, one of them killed in the middle: every action once, on its shard."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import httpx
import pytest
from aiokafka.partitioner import DefaultPartitioner

from tests.integration.consumer import sinks
from tests.services import Service
from tests.shards import ShardedNamespace
from tests.stack import StartService
from tests.waiting import wait_until

ACTIONS_EACH: Final = 25
USERS: Final = [f"user-{number}" for number in range(60)]
PARTITIONS: Final = 4
STORED_S: Final = 90.0


@dataclass
class Sender:
    """Posts actions of every user, and knows on which shard each must be."""

    url: str
    sent: dict[str, int] = field(default_factory=dict)  # shard by id

    def on(self, shard: int) -> set[str]:
        return {event_id for event_id, where in self.sent.items() if where == shard}

    def send(self, users: Iterable[str]) -> None:
        with ThreadPoolExecutor(4) as pool, httpx.Client(base_url=self.url, timeout=30) as client:
            for ids, user in pool.map(lambda user: (self._post(client, user), user), users):
                self.sent |= dict.fromkeys(ids, _shard_of(user))

    @staticmethod
    def _post(client: httpx.Client, user: str) -> Sequence[str]:
        same = {"type": "STEP", "time": "2026-10-18T21:37:28.123456-06:00"}
        actions = [{**same, "id": str(uuid.uuid4()), "properties": {"n": n}} for n in range(ACTIONS_EACH)]
        answer = client.post("/log", json={"userId": user, "sessionId": "s", "actions": actions})
        assert answer.status_code == 200, answer.text
        return [str(action["id"]) for action in actions]


def _shard_of(user: str) -> int:
    everywhere = list(range(PARTITIONS))
    return int(DefaultPartitioner()(user.encode(), everywhere, everywhere)) % 2


def _stored(namespace: ShardedNamespace, shard: int) -> list[str]:
    """Ids of all its rows, without FINAL."""
    return namespace.on(shard, "SELECT event_id FROM {db}.actions").split()


def _read(client: httpx.Client) -> Iterator[str]:
    cursor: str | None = ""
    while cursor is not None:
        following = {"cursor": cursor} if cursor else {}
        page = client.get("/log", params={"limit": "500", **following}).json()
        yield from (action["id"] for action in page["actions"])
        cursor = page["next"]


@pytest.fixture
def sender(namespace: ShardedNamespace, start_service: StartService) -> Sender:
    return Sender(start_service("producer_api").url)


@pytest.fixture
def sink(namespace: ShardedNamespace, start_service: StartService) -> Service:
    return sinks.start(start_service, MAX_BLOCK_ROWS="200")


def test_a_shard_killed_in_the_middle_costs_nothing_and_holds_up_only_its_own(
    namespace: ShardedNamespace, sender: Sender, sink: Service, start_service: StartService
) -> None:
    query = start_service("query_api")
    away = namespace.shards[1]
    with httpx.Client(base_url=query.url, timeout=60) as client:
        sender.send(USERS)
        wait_until(lambda: bool(_stored(namespace, 1)), STORED_S, "blocks are stored on the second shard")
        away.kill()
        try:
            sender.send(USERS)
            wait_until(lambda: set(_stored(namespace, 0)) == sender.on(0), STORED_S, "the other shard's are stored")
            assert client.get("/log").status_code == 503
            assert client.get("/log/counts").status_code == 503
        finally:
            away.start()
        sender.send(USERS)
        wait_until(lambda: set(_stored(namespace, 0)) >= sender.on(0), STORED_S, "all is stored on the first")
        wait_until(lambda: set(_stored(namespace, 1)) >= sender.on(1), STORED_S, "all is stored on the second")
        wait_until(lambda: client.get("/log").status_code == 200, STORED_S, "all is read")
        read = list(_read(client))
    rows = [_stored(namespace, shard) for shard in range(2)]
    assert [set(ids) for ids in rows] == [sender.on(0), sender.on(1)]
    assert sum(map(len, rows)) == len(sender.sent) == 3 * len(USERS) * ACTIONS_EACH, "rows without FINAL"
    assert min(map(len, rows)) > 0
    assert sorted(read) == sorted(sender.sent)
    assert namespace.on_each("SELECT uniqExact(partition % 2), any(partition % 2) FROM {db}.actions") == [
        "1\t0",
        "1\t1",
    ]
    wait_until(sink.is_ready, STORED_S, "the sink is ready")

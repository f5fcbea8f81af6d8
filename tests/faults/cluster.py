"""A topic on three brokers: who leads its partitions, who has the whole log, and how leadership is moved."""

import socket
import struct
from collections.abc import Mapping
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.ports import HOST
from tests.faults.servers import Server, is_up
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.waiting import wait_until

Broker = Literal["kafka-1", "kafka-2", "kafka-3"]
BROKERS: tuple[Broker, ...] = ("kafka-1", "kafka-2", "kafka-3")

_OFFSETS = "__consumer_offsets"
_AGAIN_S = 300.0  # a broker's start on a machine that is busy with others
_REQUEST_MS = 3_000  # a broker that stands still does not answer, another one will
_ANSWER_S = 30.0
_ELECT_LEADERS, _VERSION, _PREFERRED = 43, 1, 0
_NONE, _ELECTION_NOT_NEEDED = 0, 84


class Cluster:
    """The brokers as one namespace's topic sees them."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def leaders(self) -> dict[int, Broker]:
        """The broker that leads each partition; a partition without a leader is missing. Waits for an answer."""
        described: list[dict[str, Any]] = []

        def answered() -> bool:
            described[:] = self._partitions(self._namespace.topic)
            return bool(described)

        wait_until(answered, _AGAIN_S, "a broker describes the topic")
        return {each["partition"]: BROKERS[each["leader"] - 1] for each in described if each["leader"] > 0}

    def coordinator(self) -> Broker:
        """The broker that keeps the group: it leads the only partition of the committed offsets."""
        leaders: list[int] = []

        def is_led() -> bool:
            leaders[:] = [each["leader"] for each in self._partitions(_OFFSETS)]
            return bool(leaders) and leaders[0] > 0

        wait_until(is_led, _AGAIN_S, "the groups' offsets have a leader")
        return BROKERS[leaders[0] - 1]

    def wait_in_sync(self) -> None:
        """Until every broker runs, and has every record of the topic and of the groups' offsets."""
        wait_until(self._is_in_sync, _AGAIN_S, "three brokers run, and each has each partition")

    def wait_led_by_others(self, broker: Broker) -> None:
        """Until the broker leads nothing."""
        wait_until(lambda: broker not in self.leaders().values(), _AGAIN_S, f"{broker} leads nothing")

    def wait_leaders(self, wanted: Mapping[int, Broker]) -> None:
        """Until each partition is led by the broker that is wanted for it."""
        wait_until(lambda: self.leaders() == wanted, _AGAIN_S, f"the leaders are {wanted}")

    def prefer_first_replicas(self) -> None:
        """Move leadership to where it was first, as `kafka-leader-election --election-type preferred` does."""
        partitions = len(self._partitions(self._namespace.topic))
        _elect(self._namespace.infra.port("kafka-1"), self._namespace.topic, partitions)

    def _is_in_sync(self) -> bool:
        servers: tuple[Server, ...] = BROKERS
        if not all(is_up(self._namespace.infra, broker) for broker in servers):
            return False
        topics = self._topics()
        wanted = [*topics.get(self._namespace.topic, []), *topics.get(_OFFSETS, [])]
        return self._namespace.topic in topics and all(len(each["isr"]) == len(BROKERS) for each in wanted)

    def _partitions(self, topic: str) -> list[dict[str, Any]]:
        return self._topics().get(topic, [])

    def _topics(self) -> dict[str, list[dict[str, Any]]]:
        """The partitions of each topic as one broker's metadata has them; nothing where none answers."""
        try:
            return in_a_loop_of_its_own(_described(self._namespace.infra.kafka_bootstrap))
        except (KafkaError, OSError, TimeoutError):
            return {}


async def _described(bootstrap: str) -> dict[str, list[dict[str, Any]]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        return {each["topic"]: each["partitions"] for each in await admin.describe_topics()}
    finally:
        await admin.close()


def _elect(port: int, topic: str, partitions: int) -> None:
    """One ElectLeaders request, which aiokafka does not have, to any broker: it asks the controller."""
    name, client = topic.encode(), b"tests"
    body = struct.pack(f">hhih{len(client)}s", _ELECT_LEADERS, _VERSION, 1, len(client), client)
    body += struct.pack(f">bih{len(name)}si", _PREFERRED, 1, len(name), name, partitions)
    body += struct.pack(f">{partitions}ii", *range(partitions), int(_ANSWER_S * 1000))
    with socket.create_connection((HOST, port), timeout=_ANSWER_S) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        with connection.makefile("rb") as answer:
            (size,) = struct.unpack(">i", answer.read(4))
            _, _, error = struct.unpack_from(">iih", answer.read(size))
    assert error in (_NONE, _ELECTION_NOT_NEEDED), f"ElectLeaders was answered {error}"

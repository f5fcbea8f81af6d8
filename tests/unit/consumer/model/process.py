"""One process of the sink: the real service on its own virtual loop, which dies, sleeps and wakes as the test says."""

import asyncio
from dataclasses import dataclass

from aiokafka.errors import KafkaConnectionError

from consumer.errors import Fenced, SourceUnavailable, StoreUnavailable
from consumer.partition import Partition
from consumer.service import Service
from consumer.settings import Settings
from consumer.shards import Shards
from tests.unit.consumer.model.clickhouse import Engine, ModelStore
from tests.unit.consumer.model.kafka import Broker
from tests.unit.consumer.model.kafka_clients import ModelSource
from tests.unit.consumer.model.loop import VirtualLoop
from tests.unit.consumer.model.network import TO_THE_END, Kind, Link, Network, Request

SETTINGS = Settings(max_block_rows=3)
_ROUNDS_TO_A_REQUEST = 14


class ModelService(Service):
    """The real service, made of the parts that the protocol under test names."""

    def __init__(self, protocol: "Protocol", shards: Shards, source: ModelSource) -> None:
        super().__init__(SETTINGS, shards, source)
        self._protocol = protocol

    async def _take_over(self) -> None:
        await super()._take_over()
        for partition in self._partitions.values():
            partition.__class__ = self._protocol.partition


@dataclass(frozen=True)
class Protocol:
    """The protocol under test, as the classes that carry it out: the real ones, or one with a step taken out.

    window      entries of ClickHouse's deduplication log
    reordering  whether a commit that its sender gave up on may arrive after later ones of the same member
    """

    service: type[ModelService] = ModelService
    source: type[ModelSource] = ModelSource
    store: type[ModelStore] = ModelStore
    partition: type[Partition] = Partition
    window: int = 10_000
    reordering: bool = False


class Servers:
    """What the processes share: Kafka, the shards of ClickHouse and the network."""

    def __init__(self, broker: Broker, engine: Engine, *, reordering: bool) -> None:
        self.broker = broker
        self.engines = [engine]
        self.network = Network(reordering=reordering)


class Process:
    """Stepped in rounds: each serves its oldest request, or lets time pass until its next timer.

    It knows the shards that there are when it starts, and no others.
    """

    def __init__(self, name: str, protocol: Protocol, servers: Servers) -> None:
        self.name = name
        self.frozen = False
        self.dead = False
        self.stopping = False
        self.ended_with: Exception | None = None
        self.loop = VirtualLoop()  # type: ignore[abstract] # only in its stub
        self._network = servers.network
        self._link = Link(name, self.loop, servers.network)
        shards = Shards([protocol.store(SETTINGS, engine, self._link) for engine in servers.engines])
        self.source = protocol.source(SETTINGS, servers.broker, self._link)
        self.service = protocol.service(protocol, shards, self.source)
        self._task = self.loop.create_task(self.service.run())

    @property
    def alive(self) -> bool:
        return not self.dead and not self._task.done()

    @property
    def awake(self) -> bool:
        return self.alive and not self.frozen

    def round(self) -> None:
        self.settle()
        pending = self._network.pending(self.name)
        if pending:
            self._network.get_on(pending[0], TO_THE_END)
        else:
            self.loop.advance()
        self.settle()
        self.hear()

    def until(self, kind: Kind) -> Request | None:
        """Go on until a request of this kind is on its way; None when none comes."""
        for _ in range(_ROUNDS_TO_A_REQUEST):
            self.settle()
            for request in self._network.pending(self.name):
                if request.kind is kind:
                    return request
            if not self.alive:
                return None
            self.round()
        return None

    def settle(self) -> None:
        self.loop.settle()
        errors, self.loop.errors = self.loop.errors, []
        assert not errors, f"{self.name}: {errors}"
        if self._task.done() and not self._task.cancelled():
            try:
                self._task.result()
            except (Fenced, SourceUnavailable) as error:
                if not self.stopping:
                    raise
                self.ended_with = error  # tests/unit/consumer/model/test_found.py

    def stop(self) -> None:
        self.stopping = True
        self.service.stop()
        self.settle()

    def hear(self) -> None:
        """Its heartbeat is answered."""
        self.source.heartbeat()
        self.settle()

    def crash(self) -> None:
        """Nothing of it runs any more; what it has sent is still on its way."""
        self.dead = self._link.cut = True
        for _ in range(10):
            tasks = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            self.loop.settle()
        raise AssertionError(f"{self.name} can't be ended")


def cut_connection(kind: Kind) -> Exception:
    """What a client sees when an answer does not come."""
    if kind in (Kind.OPEN, Kind.INSERT, Kind.KILL, Kind.PRESENCE):
        return StoreUnavailable("the connection was cut")
    return KafkaConnectionError("the connection was cut")

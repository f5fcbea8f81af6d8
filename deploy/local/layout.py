"""Kafka and ClickHouse as specs of processes, from the settings and the fetched components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import brokers, passwords, readiness
from deploy.local.clickhouse import Engine
from deploy.local.components.engine_package import EnginePackage
from deploy.local.components.java import find_java
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.kafka import Broker
from deploy.local.passwords import User
from deploy.local.ports import HOST, Port
from deploy.local.process import Spec
from deploy.local.settings import LocalSettings


@dataclass(frozen=True)
class Backends:
    """The processes that the services stand on."""

    brokers: Sequence[Broker]
    engine: Engine
    users: Mapping[str, User]
    logs_dir: Path

    @property
    def kafka_bootstrap(self) -> str:
        return brokers.bootstrap([broker.node for broker in self.brokers])

    def specs(self) -> list[Spec]:
        return [*self.kafka(), self.clickhouse()]

    def kafka(self) -> list[Spec]:
        """The brokers, in their order."""
        names = brokers.names(len(self.brokers))
        return [self._broker(name, broker) for name, broker in zip(names, self.brokers, strict=True)]

    def _broker(self, name: str, broker: Broker) -> Spec:
        node = broker.node

        async def is_ready() -> bool:
            return await readiness.kafka_answers(HOST, node.port)

        return Spec(name, broker.argv(), self.logs_dir / f"{name}.log", node.port, node.address, is_ready)

    def clickhouse(self) -> Spec:
        url = self.engine.url

        async def is_ready() -> bool:
            return await readiness.http_ok(f"{url}/ping")

        return Spec(
            "clickhouse",
            self.engine.argv(),
            self.logs_dir / "clickhouse.log",
            self.engine.port,
            url,
            is_ready,
            environment=passwords.environment(self.users),
            ends_with_stdin=True,
        )


def backends(settings: LocalSettings, jars: KafkaJars, package: EnginePackage) -> Backends:
    """Wire them up. Makes the passwords at the first time. Raises ComponentError when no Java fits."""
    data, run = settings.data_dir.resolve(), settings.run_dir.resolve()
    return Backends(
        brokers=_brokers(settings, jars),
        engine=Engine(
            package.library,
            settings.clickhouse_port,
            data / "clickhouse",
            run / "clickhouse",
            settings.clickhouse_memory_mb,
        ),
        users=passwords.load_or_create(data / "passwords.json"),
        logs_dir=settings.logs_dir.resolve(),
    )


def _brokers(settings: LocalSettings, jars: KafkaJars) -> list[Broker]:
    java, run = find_java(settings.java), settings.run_dir.resolve()
    cluster = brokers.nodes(settings)
    shared = brokers.cluster_id(cluster)
    return [
        Broker(
            node,
            java,
            jars.classpath,
            run / node.data_dir.name / "server.properties",
            brokers.heap_mb(settings),
            cluster=cluster,
            cluster_id=shared,
        )
        for node in cluster
    ]


def backend_ports(settings: LocalSettings) -> list[Port]:
    return [
        *brokers.listening_ports(settings),
        Port("ClickHouse", settings.clickhouse_port, "LOCAL_CLICKHOUSE_PORT"),
    ]

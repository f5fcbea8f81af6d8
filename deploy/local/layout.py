"""Kafka and ClickHouse as specs of processes, from the settings and the fetched components."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import passwords, readiness
from deploy.local.clickhouse import Engine
from deploy.local.components.engine_package import EnginePackage
from deploy.local.components.java import find_java
from deploy.local.components.kafka_jars import KafkaJars
from deploy.local.kafka import Broker, Node, Outside
from deploy.local.passwords import User
from deploy.local.ports import HOST, Port
from deploy.local.process import Spec
from deploy.local.settings import LocalSettings


@dataclass(frozen=True)
class Backends:
    """The two processes that the services stand on."""

    broker: Broker
    engine: Engine
    users: Mapping[str, User]
    logs_dir: Path

    def specs(self) -> list[Spec]:
        return [self._kafka(), self._clickhouse()]

    def _kafka(self) -> Spec:
        node = self.broker.node

        async def is_ready() -> bool:
            return await readiness.kafka_answers(HOST, node.port)

        return Spec("kafka", self.broker.argv(), self.logs_dir / "kafka.log", node.port, node.address, is_ready)

    def _clickhouse(self) -> Spec:
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
    node = Node(1, settings.kafka_port, settings.kafka_controller_port, data / "kafka", _outside(settings))
    java = find_java(settings.java)
    return Backends(
        broker=Broker(node, java, jars.classpath, run / "kafka" / "server.properties", settings.kafka_heap_mb),
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


def _outside(settings: LocalSettings) -> Outside | None:
    port = settings.kafka_outside_port
    return None if port is None else Outside(port, settings.kafka_outside_address or f"{HOST}:{port}")


def backend_ports(settings: LocalSettings) -> list[Port]:
    outside = settings.kafka_outside_port
    return [
        Port("Kafka", settings.kafka_port, "LOCAL_KAFKA_PORT"),
        *([Port("Kafka's second listener", outside, "LOCAL_KAFKA_OUTSIDE_PORT")] if outside else []),
        Port("Kafka's controller", settings.kafka_controller_port, "LOCAL_KAFKA_CONTROLLER_PORT"),
        Port("ClickHouse", settings.clickhouse_port, "LOCAL_CLICKHOUSE_PORT"),
    ]

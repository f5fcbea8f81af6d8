"""The three services and the setup as the local stack runs them: command, port, environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.topics import DEFAULT_TOPIC
from deploy.local import readiness
from deploy.local.kafka import Replication
from deploy.local.layout import Backends
from deploy.local.passwords import User
from deploy.local.ports import HOST, Port
from deploy.local.process import Spec
from deploy.local.settings import LocalSettings

DATABASE: Final = "actionlog"


@dataclass(frozen=True)
class Service:
    """One service: its module, its settings' prefix, and the ClickHouse user it may be (None: it needs none)."""

    module: str
    prefix: str
    role: str | None


SERVICES: Final = (
    Service("producer_api", "PRODUCER", None),
    Service("consumer", "CONSUMER", "writer"),
    Service("query_api", "QUERY", "reader"),
)
SETUP: Final = Service("deploy.setup", "SETUP", "admin")


def environment(
    service: Service, *, kafka: str, topic: str, clickhouse_url: str, database: str, users: Mapping[str, User]
) -> dict[str, str]:
    """The variables that connect a service to Kafka and ClickHouse.

    The setup makes topics that have as many copies as ``kafka``, the brokers' addresses, allows.
    """
    values = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "KAFKA_TOPIC": topic,
        "CLICKHOUSE_URL": clickhouse_url,
        "CLICKHOUSE_DATABASE": database,
    }
    if service is SETUP:
        kept = Replication.on(len(kafka.split(",")))
        values["TOPIC_REPLICATION_FACTOR"] = str(kept.factor)
        values["TOPIC_MIN_INSYNC_REPLICAS"] = str(kept.min_insync)
    if service.role:
        values["CLICKHOUSE_USER"] = users[service.role].name
        values["CLICKHOUSE_PASSWORD"] = users[service.role].password
    if service.role == "reader":
        values["ERASER_USER"], values["ERASER_PASSWORD"] = users["eraser"].name, users["eraser"].password
    return {f"{service.prefix}_{name}": value for name, value in values.items()}


def stack_environment(service: Service, backends: Backends) -> dict[str, str]:
    """The stack's values, beaten by what the user has set: ``CONSUMER_FLUSH_AFTER_MS=100 make run`` and the like."""
    ours = environment(
        service,
        kafka=backends.kafka_bootstrap,
        topic=DEFAULT_TOPIC,
        clickhouse_url=backends.engine.url,
        database=DATABASE,
        users=backends.users,
    )
    return {name: os.environ.get(name, value) for name, value in ours.items()}


def setup_argv() -> list[str]:
    return [sys.executable, "-m", SETUP.module]


def service_ports(settings: LocalSettings) -> list[Port]:
    """The services' ports, in the order of ``SERVICES``."""
    return [
        Port("producer_api", settings.producer_port, "LOCAL_PRODUCER_PORT"),
        Port("consumer", settings.consumer_port, "LOCAL_CONSUMER_PORT"),
        Port("query_api", settings.query_port, "LOCAL_QUERY_PORT"),
    ]


def service_specs(settings: LocalSettings, backends: Backends) -> list[Spec]:
    """The services as processes, ready when ``/readyz`` answers 200."""
    ports = service_ports(settings)
    return [_spec(service, port.number, backends) for service, port in zip(SERVICES, ports, strict=True)]


def _spec(service: Service, port: int, backends: Backends) -> Spec:
    url = f"http://{HOST}:{port}"

    async def is_ready() -> bool:
        return await readiness.http_ok(f"{url}/readyz")

    return Spec(
        service.module,
        [sys.executable, "-m", service.module],
        backends.logs_dir / f"{service.module}.log",
        port,
        url,
        is_ready,
        environment={
            **stack_environment(service, backends),
            f"{service.prefix}_HOST": HOST,
            f"{service.prefix}_PORT": str(port),
        },
    )


def setup_log(backends: Backends) -> Path:
    return backends.logs_dir / "setup.log"

"""A pair of servers with a proxy before each: the consumer takes these ways, the test itself goes directly."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faults import servers
from tests.faults.proxy import Proxy, proxy
from tests.faults.wire import HttpWire, KafkaWire
from tests.infra import Infra, need_one_broker
from tests.ports import free_ports
from tests.services import Service


@dataclass(frozen=True)
class Ways:
    """The servers and the two ways to them."""

    infra: Infra
    kafka: Proxy
    clickhouse: Proxy

    @property
    def settings(self) -> dict[str, str]:
        """A consumer's settings that make it take these ways."""
        return {"KAFKA_BOOTSTRAP_SERVERS": self.kafka.address, "CLICKHOUSE_URL": self.clickhouse.url}

    def restore(self) -> None:
        for way in (self.kafka, self.clickhouse):
            way.disarm()
            way.restore()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Ways]:
    """Kafka advertises its proxy at its second listener: a client that comes by the proxy stays on it."""
    need_one_broker("the proxy stands before one broker, the others' addresses would lead past it")
    listener, kafka_port = free_ports(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_KAFKA_OUTSIDE_PORT", str(listener))
        patch.setenv("LOCAL_KAFKA_OUTSIDE_ADDRESS", f"127.0.0.1:{kafka_port}")
        with (
            proxy(f"tcp://127.0.0.1:{listener}", kafka_port, KafkaWire) as kafka,  # first: the servers take ports, too
            servers.running(folder) as infra,
            proxy(infra.clickhouse_url, free_ports(1)[0], HttpWire) as clickhouse,
        ):
            yield Ways(infra, kafka, clickhouse)


def reasons(service: Service) -> str:
    """Why the service is not ready, as ``/readyz`` tells; empty when it is, or does not answer."""
    try:
        answer = httpx.get(f"{service.url}/readyz", timeout=5)
    except httpx.TransportError:
        return ""
    return answer.text if answer.status_code == 503 else ""

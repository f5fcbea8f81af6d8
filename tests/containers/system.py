"""Actionlog as containers: a ``tests.end_to_end.system.System``, started by testcontainers on free ports."""

import contextlib
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from deploy.local import passwords
from deploy.local.passwords import User
from deploy.local.services import DATABASE, SERVICES, SETUP, Service, environment
from deploy.local.settings import CHECKOUT
from tests.containers.settings import SERVICES as IMAGE_OF
from tests.containers.settings import Images
from tests.end_to_end.system import READY_S
from tests.ports import free_ports
from tests.waiting import wait_until

TOPIC: Final = "actions"
USERS_FILE: Final = CHECKOUT / "deploy" / "clickhouse" / "users.d" / "actionlog.xml"
_KAFKA: Final = "kafka:29092"
_CLICKHOUSE: Final = "http://clickhouse:8123"
_STOP_S: Final = 20  # longer than the services' drain timeout (8 s)

# As compose.yaml and the manifests run them.
_HARDENED: Final = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}


def kafka(image: str, network: Network) -> DockerContainer:
    """One broker, reached from the network alone; the setup makes the topic."""
    listeners = {"INSIDE": _KAFKA, "CONTROLLER": "kafka:29093"}
    values = {
        "NODE_ID": "1",
        "PROCESS_ROLES": "broker,controller",
        "CONTROLLER_QUORUM_VOTERS": f"1@{listeners['CONTROLLER']}",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "LISTENERS": "INSIDE://:29092,CONTROLLER://:29093",
        "ADVERTISED_LISTENERS": f"INSIDE://{_KAFKA}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "INTER_BROKER_LISTENER_NAME": "INSIDE",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "HEAP_OPTS": "-Xms384m -Xmx384m",
    }
    variables = {f"KAFKA_{name}": value for name, value in values.items()}
    container = DockerContainer(image).with_envs(CLUSTER_ID="QWN0aW9ubG9nS2Fma2ExMA", **variables)
    return container.with_network(network).with_network_aliases("kafka").with_kwargs(hostname="kafka")


def clickhouse(image: str, network: Network, port: int, users: Mapping[str, User]) -> DockerContainer:
    """One server with our users, its HTTP interface on the host's port."""
    container = DockerContainer(image).with_envs(**passwords.environment(users))
    container.with_volume_mapping(str(USERS_FILE), "/etc/clickhouse-server/users.d/actionlog.xml", "ro")
    container.with_bind_ports(8123, port)  # fixed: a free one would change with each restart
    return container.with_network(network).with_network_aliases("clickhouse")


class Containers:
    """The running system. Kafka and ClickHouse keep their data over a restart, since their containers stay."""

    def __init__(self, images: Images, network: Network, secrets: Path) -> None:
        self._images, self._network = images, network
        self._users = passwords.load_or_create(secrets)
        names = ["clickhouse", *IMAGE_OF]
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._running: dict[str, DockerContainer] = {}
        self.producer, self.query = self.url("producer_api"), self.url("query_api")

    def start(self, stack: contextlib.ExitStack) -> None:
        """Everything in its order. Containers started so far are removed by the stack, also when the next one fails."""
        self._enter(stack, "kafka", kafka(self._images.kafka, self._network))
        server = clickhouse(self._images.clickhouse, self._network, self._ports["clickhouse"], self._users)
        self._enter(stack, "clickhouse", server)
        self._set_up(stack)
        for service in SERVICES:
            self._enter(stack, service.module, self._service(service))
        for service in SERVICES:
            self.wait_ready(service.module)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def is_ready(self, name: str) -> bool:
        try:
            return httpx.get(f"{self.url(name)}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def wait_ready(self, name: str) -> None:
        try:
            wait_until(lambda: self.is_ready(name), READY_S, f"{name} is ready")
        except AssertionError as error:
            error.add_note(self.log(name))
            raise

    def counts(self) -> tuple[int, int]:
        reader = self._users["reader"]
        headers = {"X-ClickHouse-User": reader.name, "X-ClickHouse-Key": reader.password}
        sql = "SELECT count(), uniqExact(event_id) FROM actions"
        url = f"{self.url('clickhouse')}/?database={DATABASE}"
        rows, ids = httpx.post(url, content=sql, headers=headers, timeout=30).raise_for_status().text.split()
        return int(rows), int(ids)

    def restart(self, name: str, with_signal: signal.Signals) -> None:
        """As an orchestrator does it: the signal, the end of the process, the container again."""
        container = self._running[name].get_wrapped_container()
        container.kill(signal=with_signal)
        ended = container.wait(timeout=_STOP_S)
        if with_signal == signal.SIGTERM:
            assert ended["StatusCode"] == 0, f"{name} did not end by itself:\n{self.log(name)}"
        container.start()

    def health(self, name: str) -> str:
        """What Docker's own HEALTHCHECK says: `starting`, `healthy`, `unhealthy`."""
        container = self._running[name].get_wrapped_container()
        container.reload()
        return str(container.attrs["State"]["Health"]["Status"])

    def run(self, name: str, *words: str) -> tuple[int, str]:
        """A command in the service's container: its exit code and output."""
        result = self._running[name].exec(list(words))
        assert result.exit_code is not None
        return result.exit_code, result.output.decode()

    def log(self, name: str) -> str:
        lines: bytes = self._running[name].get_wrapped_container().logs(tail=100)
        return lines.decode(errors="replace")

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        """Waits for Kafka and ClickHouse itself."""
        self._enter(stack, "setup", self._container(SETUP, "setup"))
        ended = self._running["setup"].get_wrapped_container().wait(timeout=2 * READY_S)
        assert ended["StatusCode"] == 0, self.log("setup")

    def _service(self, service: Service) -> DockerContainer:
        inside = {"producer_api": 8000, "query_api": 8001, "consumer": 8002}[service.module]
        return self._container(service, IMAGE_OF[service.module]).with_bind_ports(inside, self._ports[service.module])

    def _container(self, service: Service, image: str) -> DockerContainer:
        values = environment(
            service, kafka=_KAFKA, topic=TOPIC, clickhouse_url=_CLICKHOUSE, database=DATABASE, users=self._users
        )
        if service is SETUP:
            values["SETUP_WAIT_TIMEOUT_S"] = str(READY_S)
        container = DockerContainer(self._images.ours(image)).with_envs(**values).with_network(self._network)
        return container.with_tmpfs_mount("/tmp", "size=64m").with_kwargs(**_HARDENED)  # noqa: S108 - in the container

    def _enter(self, stack: contextlib.ExitStack, name: str, container: DockerContainer) -> None:
        stack.callback(container.stop)  # also one that was made and did not start
        self._running[name] = container.start()


@contextlib.contextmanager
def running(images: Images, secrets: Path) -> Iterator[Containers]:
    """Start everything, and remove it in any case."""
    with contextlib.ExitStack() as stack:
        system = Containers(images, stack.enter_context(Network()), secrets)
        system.start(stack)
        yield system

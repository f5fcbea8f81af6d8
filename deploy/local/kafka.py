"""One Kafka broker of the local stack, alone or one of several: its properties, its one-time format, its command."""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.ports import HOST

# Small, and quick to start: the second compiler costs more start-up CPU than it gives back at local loads.
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


@dataclass(frozen=True)
class Outside:
    """A second listener, for clients that reach the broker by another address: the broker tells them that one."""

    port: int
    address: str


@dataclass(frozen=True)
class Replication:
    """What a cluster keeps of each record.

    factor      copies
    min_insync  copies without which nothing is acknowledged: one broker may die, and no acknowledged record with it
    """

    factor: int
    min_insync: int

    @classmethod
    def on(cls, brokers: int) -> "Replication":
        """As many copies as brokers, three at most."""
        factor = min(3, brokers)
        return cls(factor, max(1, factor - 1))


@dataclass(frozen=True)
class Node:
    """A broker that is a controller of its cluster as well."""

    node_id: int
    port: int
    controller_port: int
    data_dir: Path
    outside: Outside | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def controller_address(self) -> str:
        return f"{HOST}:{self.controller_port}"

    @property
    def is_formatted(self) -> bool:
        return (self.data_dir / "meta.properties").exists()


@dataclass(frozen=True)
class Broker:
    """How to run one node: the Java, its class path, and where its properties are written.

    overrides       server.properties that replace or extend ours
    format_options  of ``kafka-storage format``: users of SCRAM are made there
    cluster         all nodes of its cluster, this one among them; empty: it is alone
    cluster_id      what the nodes of one cluster share; None: a new one
    """

    node: Node
    java: Path
    classpath: str
    properties_file: Path
    heap_mb: int
    overrides: Mapping[str, str] = field(default_factory=dict)
    format_options: Sequence[str] = ()
    cluster: Sequence[Node] = ()
    cluster_id: str | None = None

    def write_properties(self) -> None:
        self.properties_file.parent.mkdir(parents=True, exist_ok=True)
        values = {**properties(self.node, self.cluster), **self.overrides}
        # Java reads them as Latin-1, with JSON's escapes: a folder's name may be in any script.
        lines = (f"{key}={json.dumps(value)[1:-1]}\n" for key, value in values.items())
        self.properties_file.write_text("".join(lines))

    def format_argv(self) -> list[str]:
        """Makes the data folder a new cluster's; once per folder."""
        words = [
            "format",
            "--ignore-formatted",
            "-t",
            self.cluster_id or new_cluster_id(),
            "-c",
            str(self.properties_file),
            *self.format_options,
        ]
        return [*self._java(128), "kafka.tools.StorageTool", *words]

    def argv(self) -> list[str]:
        return [*self._java(self.heap_mb), "kafka.Kafka", str(self.properties_file)]

    def _java(self, heap_mb: int) -> list[str]:
        return [str(self.java), f"-Xmx{heap_mb}m", *_JVM, *_LOGGING, "-cp", self.classpath]


def properties(node: Node, cluster: Sequence[Node] = ()) -> dict[str, str]:
    """server.properties of a node that is alone, or one of a cluster whose nodes all vote."""
    nodes = cluster or (node,)
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(f"{each.node_id}@{each.controller_address}" for each in nodes),
        **_listeners(node),
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(node.data_dir),
        # deploy.setup makes the topics; a misspelt name must be an error and not a new topic.
        "auto.create.topics.enable": "false",
        **_replicated(Replication.on(len(nodes))),
        # With 50 partitions, the default, the first consumer waits for 50 logs to be made.
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        # The first member of a group need not wait for others.
        "group.initial.rebalance.delay.ms": "0",
        # A killed consumer keeps its partitions until its session ends: tests and impatient people set it low.
        "group.min.session.timeout.ms": "1000",
        # A killed broker may register again, and others lead its partitions, only when its session is over: 9 s by
        # default. Several brokers on one machine take each other's time, so that theirs is not as short.
        "broker.session.timeout.ms": "1500" if len(nodes) == 1 else "3000",
        "broker.heartbeat.interval.ms": "400",
        # The cleaner's map of keys: 128 MiB by default, which would be a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": str(16 << 20),
    }


def _replicated(kept: Replication) -> dict[str, str]:
    """Of the topics that Kafka makes itself, the groups' offsets among them, and of those made without a word on it."""
    factor, min_insync = str(kept.factor), str(kept.min_insync)
    return {
        "default.replication.factor": factor,
        "min.insync.replicas": min_insync,
        "offsets.topic.replication.factor": factor,
        "transaction.state.log.replication.factor": factor,
        "transaction.state.log.min.isr": min_insync,
        "share.coordinator.state.topic.replication.factor": factor,
        "share.coordinator.state.topic.min.isr": min_insync,
    }


def _listeners(node: Node) -> dict[str, str]:
    own = f"PLAINTEXT://{node.address}"
    at, told, names = [own], [own], ["PLAINTEXT"]
    if node.outside is not None:
        at.append(f"OUTSIDE://{HOST}:{node.outside.port}")
        told.append(f"OUTSIDE://{node.outside.address}")
        names.append("OUTSIDE")
    return {
        "listeners": ",".join([*at, f"CONTROLLER://{node.controller_address}"]),
        "advertised.listeners": ",".join(told),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in [*names, "CONTROLLER"]),
    }


def new_cluster_id() -> str:
    """A random UUID as Kafka writes it: 22 characters of base64 that don't look like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text

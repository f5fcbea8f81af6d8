"""The brokers of the local stack, one or three: their names, ports and folders, and the cluster they form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.local.errors import DataFolderMismatchError, LocalError
from deploy.local.kafka import Node, Outside, new_cluster_id
from deploy.local.ports import HOST, Port
from deploy.local.settings import LocalSettings

# From one broker's ports to the next one's.
PORTS_APART: Final = 10

_EACH_HEAP_MB: Final = 384
_LAST_PORT: Final = 65_535


def names(brokers: int) -> list[str]:
    """Of the processes, and of their folders: ``kafka``, or ``kafka-1``, ``kafka-2``, ..."""
    return ["kafka"] if brokers == 1 else [f"kafka-{number}" for number in range(1, brokers + 1)]


def nodes(settings: LocalSettings) -> list[Node]:
    """All nodes of the cluster. Raises LocalError for what can't be: two of them, a second listener of several."""
    if settings.brokers == 2:
        raise LocalError("Two brokers stop when either of them does: LOCAL_BROKERS is 1 or 3")
    if settings.brokers > 1 and settings.kafka_outside_port is not None:
        raise LocalError("LOCAL_KAFKA_OUTSIDE_PORT works with one broker only: LOCAL_BROKERS=1")
    if "," in str(settings.data_dir.resolve()):
        raise LocalError(f"Kafka would take {settings.data_dir} for two folders: LOCAL_DATA_DIR may hold no comma")
    last = max(settings.kafka_port, settings.kafka_controller_port) + (settings.brokers - 1) * PORTS_APART
    if last > _LAST_PORT:
        raise LocalError(f"Of {settings.brokers} brokers one would listen on port {last}: set lower ports")
    return [
        Node(
            number + 1,
            settings.kafka_port + number * PORTS_APART,
            settings.kafka_controller_port + number * PORTS_APART,
            settings.data_dir.resolve() / name,
            _outside(settings),
        )
        for number, name in enumerate(names(settings.brokers))
    ]


def _outside(settings: LocalSettings) -> Outside | None:
    port = settings.kafka_outside_port
    return None if port is None else Outside(port, settings.kafka_outside_address or f"{HOST}:{port}")


def bootstrap(cluster: Sequence[Node]) -> str:
    """All brokers' addresses, so that a client starts whichever of them is away."""
    return ",".join(node.address for node in cluster)


def heap_mb(settings: LocalSettings) -> int:
    """MiB of each broker's heap."""
    if settings.brokers > 1 and "kafka_heap_mb" not in settings.model_fields_set:
        return _EACH_HEAP_MB
    return settings.kafka_heap_mb


def listening_ports(settings: LocalSettings) -> list[Port]:
    """Every port on which the brokers listen."""
    found = []
    for name, node in zip(names(settings.brokers), nodes(settings), strict=True):
        shown = name.capitalize()
        found.append(Port(shown, node.port, "LOCAL_KAFKA_PORT"))
        found.append(Port(f"{shown}'s controller", node.controller_port, "LOCAL_KAFKA_CONTROLLER_PORT"))
        if node.outside is not None:
            found.append(Port(f"{shown}'s second listener", node.outside.port, "LOCAL_KAFKA_OUTSIDE_PORT"))
    return found


def cluster_id(cluster: Sequence[Node]) -> str:
    """That of the folders that are formatted already, else a new one: a start may have ended between two of them."""
    for node in cluster:
        if node.is_formatted:
            lines = (node.data_dir / "meta.properties").read_text().splitlines()
            return next(line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id="))
    return new_cluster_id()


def require_same_number(settings: LocalSettings) -> None:
    """Raises DataFolderMismatchError when the data folder was made with another number of brokers.

    Its topics are copied over as many folders as there were brokers: fewer would miss some, more would hold none.
    """
    wanted = set(names(settings.brokers))
    found = sorted(path.parent.name for path in settings.data_dir.glob("kafka*/meta.properties"))
    if not wanted.issuperset(found):
        number = 1 if found == ["kafka"] else len(found)
        raise DataFolderMismatchError(_mismatch(settings.data_dir, number, settings.brokers))


def _mismatch(data_dir: Path, found: int, wanted: int) -> str:
    brokers = "1 broker" if found == 1 else f"{found} brokers"
    return (
        f"{data_dir} holds the topics of {brokers}, and this start is to have {wanted}. Start with BROKERS={found},"
        " keep the new ones elsewhere (LOCAL_DATA_DIR=<folder>), or remove all topics and tables with `make clean`"
    )

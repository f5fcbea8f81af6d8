"""The ports of the stack: which are busy and who has them, and free ones for tests."""

import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from deploy.local.errors import PortBusyError

HOST = "127.0.0.1"
# Below Linux's range for outgoing connections (32768 on): a process that dies and starts again on its port
# can't find it taken by somebody's outgoing connection in between.
_FREE_PORTS = range(15_000, 32_000)
_TRIES = 200


@dataclass(frozen=True)
class Port:
    """One listening port of the stack and the setting that moves it."""

    owner: str
    number: int
    setting: str


def require_free(ports: Sequence[Port]) -> None:
    """Raises PortBusyError: for each busy port its owner in the stack, its holder, and the setting to change."""
    repeated = {p.number for p in ports if [q.number for q in ports].count(p.number) > 1}
    lines = [_busy_line(p) for p in ports if not is_free(p.number)]
    lines += [f"  {p.owner}: port {p.number} is given twice; set {p.setting}" for p in ports if p.number in repeated]
    if lines:
        raise PortBusyError("\n".join(["Nothing was started, because a port is not free:", *lines]))


def is_free(number: int) -> bool:
    """Whether a listener can be opened on the port. Nothing connects to it: a stranger's server is not disturbed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return False
    return True


def free_ports(count: int, *, rows: int = 1, apart: int = 0) -> list[int]:
    """That many different ports on which nothing listens now.

    With ``rows``, each is the first of as many free ones, each so far ``apart`` from the one before.
    """
    found, taken = list[int](), set[int]()
    for _ in range(_TRIES):
        if len(found) == count:
            break
        number = random.choice(_FREE_PORTS)  # noqa: S311 - no secret
        row = {number + apart * position for position in range(rows)}
        if taken.isdisjoint(row) and all(is_free(port) for port in row):
            found.append(number)
            taken |= row
    else:
        raise PortBusyError(f"found only {len(found)} of {count} free ports in {_FREE_PORTS}")
    return found


def _busy_line(port: Port) -> str:
    holder = _holder(port.number)
    by = f"taken by {holder}" if holder else "taken by a process that is not visible to you"
    return f"  {port.owner}: port {port.number} is {by}; set {port.setting}=<another port>"


def _holder(number: int) -> str | None:
    """Name and pid of the process that listens on the port, where the system tells."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:  # macOS tells only root
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == number
        if listens and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.NoSuchProcess:
                return None
    return None

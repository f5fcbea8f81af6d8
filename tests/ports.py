"""Free ports for tests. Each worker of a run chooses among ports of its own, and gives none twice.

Seconds may pass between the choice of a port and the moment when a service listens on it. Meanwhile nothing listens
there: to another worker it would look free.
"""

import os

from deploy.local import ports

_STRETCH = 100  # ports side by side that belong to one worker
_MOST_GIVEN = 2_000  # ports that are remembered, of more than eight thousand for each of two workers
_given: list[int] = []


def free_ports(count: int, *, rows: int = 1, apart: int = 0) -> list[int]:
    """As ``deploy.local.ports.free_ports``, of this worker's ports."""
    found: list[int] = []
    while len(found) < count:
        (number,) = ports.free_ports(1, rows=rows, apart=apart)
        row = [number + apart * position for position in range(rows)]
        if all(_is_ours(port) and port not in _given for port in row):
            found.append(number)
            _given.extend(row)
            del _given[:-_MOST_GIVEN]
    return found


def _is_ours(port: int) -> bool:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return port // _STRETCH % workers == worker % workers

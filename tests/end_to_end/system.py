"""What the end-to-end cases ask of a running Actionlog, wherever it runs: as processes or as containers."""

import signal
from typing import Final, Protocol

READY_S: Final = 120.0  # Kafka starts in 20 s on two busy cores, and some are busier


class System(Protocol):
    """Kafka, ClickHouse and the three services. Names are those of `make run`: `producer_api`, `kafka`, ..."""

    @property
    def producer(self) -> str:
        """The URL of POST /log, without the path."""

    @property
    def query(self) -> str:
        """The URL of GET /log, without the path."""

    def url(self, name: str) -> str:
        """A service's URL."""

    def is_ready(self, name: str) -> bool:
        """Whether its /readyz answers 200."""

    def counts(self) -> tuple[int, int]:
        """Rows of the table without FINAL, and distinct ids."""

    def restart(self, name: str, with_signal: signal.Signals) -> None:
        """Send the signal and return when another process runs in its place. Bounded by READY_S."""

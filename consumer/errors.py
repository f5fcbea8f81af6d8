"""What can go wrong at the sink's two seams.

SinkError
├── StoreUnavailable   ClickHouse is away or busy: try again, the outcome of an insert is unknown
├── StoreRefused       ClickHouse says no (its code says why): an operator must act; nothing is skipped
│   └── RefusedData    it says no to the values of some row: the row becomes a dead letter, the others are stored
├── TornBlock          a block that is atomic was found half stored: it can't happen, so it must be seen
├── SourceUnavailable  Kafka is away or busy: try again
└── Fenced             the partitions have another owner by now: forget what was collected, insert nothing
"""


class SinkError(Exception):
    """Root of the sink's errors."""


class StoreUnavailable(SinkError):  # noqa: N818 - they read as states
    """ClickHouse is away, busy or cut the connection; an insert may or may not have happened."""


class StoreRefused(SinkError):  # noqa: N818
    """ClickHouse refused for a reason that does not pass by itself."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class RefusedData(StoreRefused):
    """ClickHouse refused some row's values; the message is its own words.

    No proof that nothing was stored: a materialised view's refusal comes after the rows are in the table.
    """


class TornBlock(SinkError):  # noqa: N818
    """Some rows of an atomic block are stored and some are not."""


class SourceUnavailable(SinkError):  # noqa: N818
    """Kafka is away or not ready."""


class Fenced(SinkError):  # noqa: N818
    """The group has moved on; this process no longer owns what it wanted to commit."""

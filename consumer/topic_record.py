"""What the sink needs of a record on the topic; aiokafka's records have it."""

from typing import Protocol


class TopicRecord(Protocol):
    """offset in its partition; timestamp in milliseconds since 1970, as its writer chose it; raw key and value."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...

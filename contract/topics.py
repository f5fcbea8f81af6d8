"""The topic's names and its key."""

from typing import Final

DEFAULT_TOPIC: Final = "actions"

# The sink's consumer group: below its committed offsets every record is stored or dead-lettered (the watermark).
DEFAULT_SINK_GROUP: Final = "actionlog-sink"


def record_key(user_id: str) -> bytes:
    """The record's key: Kafka's default partitioner hashes it, so one user's actions keep their order."""
    return user_id.encode()

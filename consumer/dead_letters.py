"""Dead letters: records that are no actions, kept byte for byte with their position and the reason."""

import hashlib
import struct
import uuid
from dataclasses import dataclass

from consumer.topic_record import TopicRecord

# The record's timestamp is the writer's to choose; DateTime64(3) holds it only inside these bounds (milliseconds).
_EARLIEST_MS = 0
_LATEST_MS = 7_258_118_400_000  # 2200-01-01

NOT_DECODABLE = 0  # error_code of a record that failed the contract; ClickHouse's own codes are positive


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of ``dead_letters``; its id follows from position and content, so that a repeat is the same row."""

    event_id: str
    topic: str
    partition: int
    offset: int
    recorded_at_ms: int
    key: bytes
    value: bytes
    reason: str
    error_code: int

    @classmethod
    def of(
        cls, topic: str, partition: int, record: TopicRecord, reason: str, error_code: int = NOT_DECODABLE
    ) -> "DeadLetter":
        key, value = record.key or b"", record.value or b""
        content = f"{topic}-{partition}-{record.offset}-".encode() + key + b"\0" + value
        digest = hashlib.blake2b(content, digest_size=16).digest()
        moment = min(max(record.timestamp, _EARLIEST_MS), _LATEST_MS)
        event_id = str(uuid.UUID(bytes=digest, version=5))
        return cls(event_id, topic, partition, record.offset, moment, key, value, reason, error_code)

    # The columns of encode(), in its order.
    COLUMNS = ("event_id", "topic", "partition", "offset", "recorded_at", "key", "value", "reason", "error_code")

    def encode(self) -> bytes:
        """The row in ClickHouse's RowBinary: the one text-free format that takes any bytes."""
        high, low = struct.unpack(">QQ", uuid.UUID(self.event_id).bytes)
        return b"".join(
            (
                struct.pack("<QQ", high, low),
                _string(self.topic.encode()),
                struct.pack("<IQq", self.partition, self.offset, self.recorded_at_ms),
                _string(self.key),
                _string(self.value),
                _string(self.reason.encode()),
                struct.pack("<i", self.error_code),
            )
        )


def _string(value: bytes) -> bytes:
    """RowBinary's string: its length as LEB128, then its bytes."""
    length, prefix = len(value), bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + value

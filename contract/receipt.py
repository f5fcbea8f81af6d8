"""The receipt: where a request's actions stand on the topic, so that a reader can wait for exactly them.

Opaque to clients. The producer gives it out, the query side waits until the sink's watermark has passed every offset.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

_VERSION: Final = 1
MAX_LENGTH: Final = 16_384  # characters; about 1,500 partitions


class ReceiptError(ValueError):
    """A text that no producer gave out as a receipt."""


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: int
    offsets: dict[int, int]


@dataclass(frozen=True, slots=True)
class Receipt:
    """``offsets``: of each partition, the offset of the request's last record there."""

    offsets: Mapping[int, int]

    def encode(self) -> str:
        """As text of the URL-safe base64 alphabet, without padding."""
        packed = msgspec.msgpack.encode(_Wire(_VERSION, dict(self.offsets)))
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Receipt":
        """The receipt in a text; raises ReceiptError."""
        if len(text) > MAX_LENGTH:
            raise ReceiptError("longer than any receipt")
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            wire = msgspec.msgpack.decode(packed, type=_Wire)
        except (binascii.Error, ValueError, msgspec.DecodeError) as error:
            raise ReceiptError("not a receipt of this service") from error
        in_range = all(0 <= partition < 1 << 31 and 0 <= offset < 1 << 63 for partition, offset in wire.offsets.items())
        if wire.version != _VERSION or not in_range:
            raise ReceiptError("not a receipt of this version")
        return cls(wire.offsets)

"""The intent: what a partition's committed offset says beyond the offset.

An OffsetCommit carries ``offset=a`` and, in its metadata, the end ``b`` of the block ``[a, b)`` that is about to be
inserted. Whoever owns the partition next inserts exactly that block again, or finds it stored.
"""

from dataclasses import dataclass

_PREFIX = "block-end="


@dataclass(frozen=True, slots=True)
class Position:
    """A partition's committed state: all below ``committed`` is stored; ``intent`` is the end of a begun block."""

    committed: int
    intent: int | None = None

    @property
    def metadata(self) -> str:
        return "" if self.intent is None else f"{_PREFIX}{self.intent}"

    @classmethod
    def read(cls, offset: int, metadata: str) -> "Position":
        """The state in an OffsetFetch answer; raises ValueError for metadata that is not the sink's own."""
        if not metadata:
            return cls(offset)
        if not metadata.startswith(_PREFIX):
            raise ValueError(f"committed metadata {metadata!r} was not written by this sink: is the group shared?")
        intent = int(metadata.removeprefix(_PREFIX))
        if intent <= offset:
            raise ValueError(f"committed metadata {metadata!r} ends before its offset {offset}")
        return cls(offset, intent)

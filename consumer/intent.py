"""The intent: what a partition's committed offset says beyond the offset.

An OffsetCommit carries ``offset=a`` and, in its metadata, the end ``b`` of the block ``[a, b)`` that is about to be
inserted. Whoever owns the partition next inserts exactly that block again, or finds it stored. On which shard that is
the intent says too, since there may be more shards by then, and the partition may go to another one.

Where rows may be stored although their records are not passed (see consumer.partition), the metadata says up to where,
so that the next owner does not trust them to be new either.
"""

from dataclasses import dataclass

_BLOCK_END = "block-end"
_SHARD = "shard"
_DOUBT = "doubt-below"


@dataclass(frozen=True, slots=True)
class Position:
    """A partition's committed state: all below ``committed`` is stored; ``intent`` is the end of a begun block.

    shard        where the begun block is stored; None where there was one shard only: the first
    doubt_below  records from ``committed`` up to there may be stored, on any shard
    """

    committed: int
    intent: int | None = None
    shard: int | None = None
    doubt_below: int = 0

    @property
    def metadata(self) -> str:
        said = {_BLOCK_END: self.intent, _SHARD: self.shard, _DOUBT: self.doubt_below or None}
        return ";".join(f"{name}={value}" for name, value in said.items() if value is not None)

    @classmethod
    def read(cls, offset: int, metadata: str) -> "Position":
        """The state in an OffsetFetch answer; raises ValueError for metadata that is not the sink's own."""
        said = dict(item.partition("=")[::2] for item in metadata.split(";")) if metadata else {}
        if said.keys() - {_BLOCK_END, _SHARD, _DOUBT} or (_SHARD in said and _BLOCK_END not in said):
            raise ValueError(f"committed metadata {metadata!r} was not written by this sink: is the group shared?")
        numbers = {name: int(text) for name, text in said.items()}
        intent = numbers.get(_BLOCK_END)
        if intent is not None and intent <= offset:
            raise ValueError(f"committed metadata {metadata!r} ends before its offset {offset}")
        return cls(offset, intent, numbers.get(_SHARD), numbers.get(_DOUBT, 0))

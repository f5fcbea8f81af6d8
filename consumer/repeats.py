"""Ids that stand at several offsets of a partition: counted exactly, in a memory that does not grow with the log."""

import struct
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

from consumer.books import Id

_ENTRY: Final = struct.Struct(">QQQh")  # an id, its offset and shard: 26 bytes of scratch space for each record
NOWHERE: Final = -1  # for a shard: no row stands there, or there is one shard only
_IDS_PER_BUCKET: Final = 500_000  # about 100 MB as a dictionary
_MAX_BUCKETS: Final = 512  # open files


@dataclass
class Repeats:
    """distinct: ids; repeated: offsets of each id that has several, for some of the ``ids`` of them.

    on_several_shards   how many of these have rows on more than one
    """

    distinct: int = 0
    ids: int = 0
    on_several_shards: int = 0
    listed: dict[Id, list[int]] = field(default_factory=dict)


class Scratch:
    """Ids spread over files by their value; a context manager, whose end removes the files."""

    def __init__(self, expected: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="actionlog-audit-")
        self._count = min(_MAX_BUCKETS, expected // _IDS_PER_BUCKET + 1)
        self._files = [(Path(self._folder.name) / str(number)).open("w+b") for number in range(self._count)]

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files:
            file.close()
        self._folder.cleanup()

    def add(self, entries: Iterable[tuple[Id, int, int]]) -> None:
        """Ids, their offsets, and the shards on which their rows stand, or NOWHERE."""
        buckets: list[list[bytes]] = [[] for _ in range(self._count)]
        for (high, low), offset, shard in entries:
            buckets[low % self._count].append(_ENTRY.pack(high, low, offset, shard))
        for file, packed in zip(self._files, buckets, strict=True):
            file.write(b"".join(packed))

    def read(self, limit: int) -> Repeats:
        """What was added; at most ``limit`` ids are listed."""
        repeats = Repeats()
        for file in self._files:
            file.seek(0)
            entries = file.read()
            seen: dict[Id, int] = {}
            again: dict[Id, list[int]] = {}
            for high, low, offset, _ in _ENTRY.iter_unpack(entries):
                first = seen.setdefault((high, low), offset)
                if first != offset:
                    again.setdefault((high, low), [first]).append(offset)
            repeats.distinct += len(seen)
            repeats.ids += len(again)
            repeats.on_several_shards += _on_several_shards(entries, again)
            for event_id in list(again)[: limit - len(repeats.listed)]:
                repeats.listed[event_id] = again[event_id]
        return repeats


def _on_several_shards(entries: bytes, repeated: Collection[Id]) -> int:
    if not repeated:
        return 0
    shards: dict[Id, set[int]] = {event_id: set() for event_id in repeated}
    for high, low, _, shard in _ENTRY.iter_unpack(entries):
        if shard != NOWHERE and (high, low) in shards:
            shards[high, low].add(shard)
    return sum(len(where) > 1 for where in shards.values())

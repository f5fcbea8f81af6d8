"""Room in memory: of which partitions more may be fetched. Pure, no I/O."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from consumer.partition import Partition


def with_room(partitions: Iterable[Partition], shards: int, max_buffered_bytes: int) -> Iterator[Partition]:
    """Those with room, but for those of a shard whose partitions hold its part of the bound together.

    So what waits for a shard that is away takes no room from the others. Of a shard without room, one partition that
    still reads the block that was begun goes on: all of it must be there to be stored, and only that makes room.
    """
    by_shard = defaultdict[int, list[Partition]](list)
    for partition in partitions:
        by_shard[partition.goes_to or 0].append(partition)
    for some in by_shard.values():
        is_full = sum(partition.buffered_bytes for partition in some) * shards >= max_buffered_bytes
        has_room = [partition for partition in some if partition.has_room]
        yield from [partition for partition in has_room if partition.recovering][:1] if is_full else has_room

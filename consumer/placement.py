"""Where in the log a partition goes on: at its committed offset, or where the log no longer has that. Pure, no I/O."""

from consumer.intent import Position
from consumer.losses import Losses
from consumer.partition import Limits, Partition


def place(
    number: int,
    found: Position | None,
    bounds: tuple[int, int],
    limits: Limits,
    losses: Losses,
    shard: int | None = None,
    *,
    known: bool = False,
) -> Partition:
    """A partition that was just assigned.

    found    what is committed
    bounds   the log's start and end
    shard    where its blocks are stored from now on
    known    whether the tables hold rows of it already
    """
    log_start, log_end = bounds
    # No new group where the tables hold rows, but one that Kafka has forgotten (offsets.retention.minutes).
    position = found or Position(log_start, doubt_below=log_end if known else 0)
    if position.intent is not None and log_start >= position.intent:
        # Nothing of the begun block is left to insert.
        position = Position(position.committed, doubt_below=position.doubt_below)
    partition = Partition(number, position, limits, shard)
    move_into(partition, bounds, losses, reached=position.intent or position.committed)
    return partition


def move_into(partition: Partition, bounds: tuple[int, int], losses: Losses, *, reached: int) -> None:
    """Where retention has passed the next offset, or the log ends before what was ``reached`` of it.

    The partition goes on at its ``next_offset`` then, or says by ``begun_again`` when and where.
    """
    log_start, log_end = bounds
    if reached > log_end:
        losses.log_was_cut(partition.number, reached, log_end)
        partition.begin_again(log_start)
    elif partition.next_offset < log_start:
        losses.deleted_unread(partition.number, partition.skip_to(log_start))

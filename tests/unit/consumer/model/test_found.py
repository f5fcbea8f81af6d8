"""What the model found that the protocol did not hold at first: the shortest schedule of each, and what followed."""

from typing import Final

import pytest
from hypothesis import given

from tests.unit.consumer.model.invariants import Violation
from tests.unit.consumer.model.mutations import DoubtNotRead, OnlyItsShard
from tests.unit.consumer.model.process import Protocol
from tests.unit.consumer.model.schedules import SCHEDULES, bounded
from tests.unit.consumer.model.world import Step, run

# A commit is given up on and repeated on a new connection; the first one arrives long after.
LATE_COMMIT: list[Step] = [
    ("produce", 0, "march"),
    ("fault", 0, "commit", "late"),
    ("produce", 0, "march"),
    ("go", 0, 7),
    ("produce", 0, "march"),
    ("arrive", 0, 9),
    ("fault", 0, "commit", "crash before"),
]
# The sink is away for so long that Kafka forgets where it was; meanwhile more records come.
EXPIRED_OFFSETS: list[Step] = [
    ("produce", 0, "march"),
    ("go", 0, 12),
    ("fault", 0, "log", "late"),
    ("freeze", 0),
    ("evict",),
    ("expire",),
    ("produce", 0, "march"),
]
# Kafka forgets where the sink was; it reads back block by block, and another process takes over in the middle of that.
THREE: Final = ("march", "march", "march")  # a block
THREE_BLOCKS: Step = ("produce", 1, *THREE, *THREE, *THREE)
FORGOTTEN: list[Step] = [THREE_BLOCKS, *[("go", 0, 12)] * 3, ("stop", 0), ("go", 0, 6), ("expire",)]
TAKEN_OVER: list[Step] = [*FORGOTTEN, ("start",), ("go", 0, 9), ("start",)]
# The same, with one shard more when the sink comes back: the partition goes there now.
GROWN: list[Step] = [*FORGOTTEN, ("grow",), ("start",)]
# Told to stop just after the group has moved on.
FENCED_AT_THE_END: list[Step] = [
    ("produce", 0, "march"),
    ("fault", 0, "insert", "freeze before"),
    ("evict",),
    ("thaw",),
    ("stop", 0),
]


def test_a_commit_that_arrives_after_its_repeat_does_no_harm() -> None:
    """After a commit of unknown outcome the membership ends, and with it the late commit's right."""
    run(Protocol(reordering=True), LATE_COMMIT)


@bounded(150)
@given(SCHEDULES)
def test_a_late_commit_does_no_harm_whatever_follows(schedule: list[Step]) -> None:
    run(Protocol(reordering=True), [*LATE_COMMIT, *schedule])


def test_offsets_that_kafka_forgot_do_no_harm() -> None:
    """Where nothing is committed and the tables hold rows, blocks are read back before they are inserted."""
    run(Protocol(), EXPIRED_OFFSETS)


@bounded(150)
@given(SCHEDULES)
def test_what_was_stored_before_is_doubted_by_whoever_takes_over(schedule: list[Step]) -> None:
    run(Protocol(), [*FORGOTTEN, ("start",), *schedule])
    run(Protocol(), [*GROWN, *schedule])


@pytest.mark.parametrize(
    ("protocol", "schedule"),
    [(Protocol(source=DoubtNotRead), TAKEN_OVER), (Protocol(service=OnlyItsShard), GROWN)],
    ids=["the doubt is not handed on", "only the partition's shard is asked"],
)
def test_without_this_step_what_kafka_forgot_is_stored_again(protocol: Protocol, schedule: list[Step]) -> None:
    run(Protocol(), schedule)
    with pytest.raises(Violation, match="I1"):
        run(protocol, schedule)


def test_a_process_that_is_fenced_while_it_stops_ends_in_peace() -> None:
    assert not any(run(Protocol(), FENCED_AT_THE_END))

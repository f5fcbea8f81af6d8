"""What the model found that the protocol does not hold yet: the shortest schedule of each, and a remedy that was tried.

Strict: the day the sink holds it, the test says so, and its schedule moves to the others.
"""

from collections.abc import Mapping

import pytest
from hypothesis import given

from consumer.errors import Fenced, SourceUnavailable
from consumer.intent import Position
from tests.unit.consumer.model.kafka_clients import ModelSource
from tests.unit.consumer.model.process import ModelService, Protocol
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
# Told to stop just after the group has moved on.
FENCED_AT_THE_END: list[Step] = [
    ("produce", 0, "march"),
    ("fault", 0, "insert", "freeze before"),
    ("evict",),
    ("thaw",),
    ("stop", 0),
]


class Rejoining(ModelSource):
    """The remedy for late commits: after one of unknown outcome nothing is done before a new generation."""

    async def commit(self, generation: int, positions: Mapping[int, Position]) -> None:
        try:
            await super().commit(generation, positions)
        except SourceUnavailable as error:
            self._consumer._coordinator.rejoin.set()
            raise Fenced(str(error)) from error


class DoubtfulSource(ModelSource):
    """Remembers where nothing was committed."""

    unknown: frozenset[int] = frozenset()

    async def positions(self) -> dict[int, Position | None]:
        positions = await super().positions()
        self.unknown = frozenset(number for number, found in positions.items() if found is None)
        return positions


class Doubting(ModelService):
    """The remedy for forgotten offsets: where nothing is committed, what the log holds may be stored already."""

    async def _take_over(self) -> None:
        await super()._take_over()
        assert isinstance(self._source, DoubtfulSource)
        for number in self._partitions.keys() & self._source.unknown:
            self._partitions[number]._doubtful_below = self._source.log_end(number)


@pytest.mark.xfail(strict=True, reason="a late commit of the same generation turns the offset back: stored twice")
def test_a_commit_that_arrives_after_its_repeat_does_no_harm() -> None:
    run(Protocol(reordering=True), LATE_COMMIT)


@bounded(150)
@given(SCHEDULES)
def test_with_a_new_generation_after_an_unknown_commit_a_late_one_does_no_harm(schedule: list[Step]) -> None:
    run(Protocol(source=Rejoining, reordering=True), [*LATE_COMMIT, *schedule])


@pytest.mark.xfail(strict=True, reason="the log is read again from its start, and nothing asks what is stored")
def test_offsets_that_kafka_forgot_do_no_harm() -> None:
    run(Protocol(), EXPIRED_OFFSETS)


def test_with_a_read_back_where_nothing_is_committed_forgotten_offsets_do_no_harm() -> None:
    run(Protocol(service=Doubting, source=DoubtfulSource), EXPIRED_OFFSETS)


@pytest.mark.xfail(strict=True, reason="Fenced leaves Service.run(): the process ends with a trace and an exit code")
def test_a_process_that_is_fenced_while_it_stops_ends_in_peace() -> None:
    assert not any(run(Protocol(), FENCED_AT_THE_END))

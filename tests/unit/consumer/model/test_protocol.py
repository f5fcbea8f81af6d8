"""Every record once, in every state that the schedules reach. docs/reliability.md has the invariants."""

from collections.abc import Sequence

from hypothesis import given

from tests.unit.consumer.model.mutations import Impatient
from tests.unit.consumer.model.process import Protocol
from tests.unit.consumer.model.schedules import SCHEDULES, bounded
from tests.unit.consumer.model.world import Step, run


@bounded(600)
@given(SCHEDULES)
def test_every_record_is_stored_once_whatever_befalls(schedule: Sequence[Step]) -> None:
    run(Protocol(), schedule)


@bounded(150)
@given(SCHEDULES)
def test_it_does_not_take_time_for_handing_over(schedule: Sequence[Step]) -> None:
    """A rebalance that waits for nobody: what was in flight is fenced."""
    run(Protocol(source=Impatient), schedule)

"""Every record once, in every state that the schedules reach. docs/reliability.md has the invariants."""

from collections.abc import Sequence

from hypothesis import given

from tests.unit.consumer.model.process import Protocol
from tests.unit.consumer.model.schedules import SCHEDULES, bounded
from tests.unit.consumer.model.world import Step, run

_EXAMPLES = 700


@bounded(_EXAMPLES)
@given(SCHEDULES)
def test_every_record_is_stored_once_whatever_befalls(schedule: Sequence[Step]) -> None:
    run(Protocol(), schedule)

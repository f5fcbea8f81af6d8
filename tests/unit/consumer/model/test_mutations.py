"""The harness can fail: with any one step of the protocol taken out, it finds what that step is for."""

from collections.abc import Sequence

import pytest
from hypothesis import Phase, find

from tests.unit.consumer.model.invariants import Violation
from tests.unit.consumer.model.mutations import MUTATIONS
from tests.unit.consumer.model.process import Protocol
from tests.unit.consumer.model.schedules import SCHEDULES, bounded
from tests.unit.consumer.model.world import Step, run

_EXAMPLES = 2_000


def broken(protocol: Protocol, schedule: Sequence[Step]) -> int | None:
    """The number of the invariant that the schedule breaks."""
    try:
        run(protocol, schedule)
    except Violation as violation:
        return violation.number
    return None


@pytest.mark.parametrize("step", MUTATIONS)
def test_without_this_step_an_invariant_breaks(step: str) -> None:
    protocol, invariants = MUTATIONS[step]
    schedule = find(
        SCHEDULES,
        lambda schedule: broken(protocol, schedule) in invariants,
        settings=bounded(_EXAMPLES, Phase.generate),
    )
    print(f"without {step!r}: {schedule}")  # noqa: T201 - pytest shows it with -rP
    assert broken(Protocol(), schedule) is None, "the schedule breaks the whole protocol too"

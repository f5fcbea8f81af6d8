"""Schedules to explore: which steps, how often each, how many."""

import os
from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.unit.consumer.model.world import AFTERWARDS, FAULTS, PARTITIONS, RECORDS, Step

# A number makes the exploration that long, and each run another one; without it, short and the same every time.
EXAMPLES_VARIABLE: Final = "ACTIONLOG_MODEL_EXAMPLES"

_FAULTY: Final = (*["insert"] * 5, *["commit"] * 2, "kill", "presence", "positions", "log", "open")
_WHO: Final = st.integers(0, 2)
_PARTITION: Final = st.integers(0, PARTITIONS - 1)
_STEPS: Final[dict[str, st.SearchStrategy[Step]]] = {
    "go": st.tuples(st.just("go"), _WHO, st.integers(1, 12)),
    "start": st.tuples(st.just("start")),
    "evict": st.tuples(st.just("evict")),
    "freeze": st.tuples(st.just("freeze"), _WHO),
    "thaw": st.tuples(st.just("thaw")),
    "oversleep": st.tuples(st.just("oversleep"), _WHO, st.sampled_from((6, 12, 24)), st.sampled_from(AFTERWARDS)),
    "arrive": st.tuples(st.just("arrive"), st.integers(0, 3), st.sampled_from((1, 2, 9))),
    "restart": st.tuples(st.just("restart")),
    "tick": st.tuples(st.just("tick"), _WHO),
    "stop": st.tuples(st.just("stop"), _WHO),
    "delete": st.tuples(st.just("delete"), _PARTITION, st.integers(1, 6)),
    "merge": st.tuples(st.just("merge")),
    "grow": st.tuples(st.just("grow")),
}


_OFTEN: Final = {"hole": 3, "oversleep": 3, "delete": 2}


def _some(choices: Sequence[str], most: int) -> st.SearchStrategy[list[str]]:
    weighed = [choice for choice in choices for _ in range(_OFTEN.get(choice, 1))]
    return st.lists(st.sampled_from(weighed), min_size=1, max_size=most)


@st.composite
def schedules(draw: st.DrawFn) -> list[Step]:
    """Up to 16 steps. Each schedule knows few kinds of records, faults and steps, so that these meet often."""
    kinds = draw(_some(RECORDS, 3))
    records = st.lists(st.sampled_from(kinds), min_size=1, max_size=3)
    produce = st.builds(lambda partition, kinds: ("produce", partition, *kinds), _PARTITION, records)
    faults = st.sampled_from(draw(_some(FAULTS, 3)))
    fault = st.tuples(st.just("fault"), _WHO, st.sampled_from(_FAULTY), faults)
    others = st.sampled_from(draw(_some(tuple(_STEPS), 5))).flatmap(_STEPS.__getitem__)
    steps = st.one_of(produce, fault, fault, others)
    return [("produce", 0, kinds[0]), *draw(st.lists(steps, min_size=4, max_size=15))]


SCHEDULES: Final = schedules()


def bounded(examples: int, *phases: Phase) -> settings:
    """The same schedules in every run; or, by EXAMPLES_VARIABLE, as many as asked for, other ones each time."""
    asked = os.environ.get(EXAMPLES_VARIABLE)
    return settings(
        max_examples=int(asked) if asked else examples,
        derandomize=asked is None,
        database=None,
        deadline=None,
        phases=phases or tuple(Phase),
        suppress_health_check=list(HealthCheck),
    )

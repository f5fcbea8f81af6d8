"""The timeline: until when everything in a log is stored, from where it ended at some moments."""

from hypothesis import given
from hypothesis import strategies as st

from query_api.live.timeline import MOST_MOMENTS, Timeline

# Of two partitions how much each grew, and how many seconds passed.
growth = st.tuples(st.floats(0.1, 1_000), st.integers(0, 50), st.integers(0, 50))


def grown(steps: list[tuple[float, int, int]]) -> list[tuple[float, dict[int, int]]]:
    """The log's ends at moments, oldest first."""
    moments = [(100.0, {0: 0, 1: 0})]
    for seconds, one, other in steps:
        time_s, ends = moments[-1]
        moments.append((time_s + seconds, {0: ends[0] + one, 1: ends[1] + other}))
    return moments


def of(moments: list[tuple[float, dict[int, int]]]) -> Timeline:
    timeline = Timeline()
    for time_s, ends in moments:
        timeline.note(time_s, ends)
    return timeline


@given(st.lists(growth, min_size=1, max_size=20), st.data())
def test_what_was_in_the_log_until_then_is_stored_and_what_came_later_is_not(
    steps: list[tuple[float, int, int]], data: st.DataObject
) -> None:
    moments = grown(steps)
    ends = moments[-1][1]
    committed = {number: data.draw(st.integers(0, end)) for number, end in ends.items()}
    timeline = of(data.draw(st.permutations(moments)))
    until_s = timeline.stored_until(committed)
    assert until_s is not None, "nothing is in the log at the first moment"
    for time_s, then in moments:
        wholly_stored = all(committed[number] >= end for number, end in then.items())
        if time_s <= until_s:
            assert wholly_stored
        if wholly_stored:
            assert time_s <= until_s + 1e-6
    timeline.forget_before(committed)
    assert timeline.stored_until(committed) == until_s


def test_between_two_moments_the_log_grew_evenly() -> None:
    timeline = of([(100.0, {0: 10}), (110.0, {0: 20})])
    assert timeline.stored_until({0: 15}) == 105.0
    assert timeline.stored_until({0: 20}) == 110.0
    assert timeline.stored_until({0: 10}) == 100.0


def test_before_the_first_moment_it_is_unknown() -> None:
    assert Timeline().stored_until({0: 1}) is None
    assert of([(100.0, {0: 10})]).stored_until({0: 9}) is None
    assert of([(100.0, {0: 10})]).stored_until({}) is None


def test_the_slowest_partition_decides_and_a_new_one_began_empty() -> None:
    timeline = of([(100.0, {0: 10}), (110.0, {0: 10, 1: 8})])
    assert timeline.stored_until({0: 10, 1: 2}) == 102.5


def test_it_is_bounded_and_still_tells_the_age_of_what_waits() -> None:
    timeline = of([(float(number), {0: number}) for number in range(50 * MOST_MOMENTS)])
    assert len(timeline._moments) <= MOST_MOMENTS
    assert timeline.stored_until({0: 0}) == 0.0
    middle = timeline.stored_until({0: 25 * MOST_MOMENTS})
    assert middle == 25 * MOST_MOMENTS, "it grew evenly"

"""Models in Python of GET /log/funnel and GET /log/retention: they try every attempt, and look at every action."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from tests.integration.query_api.actions import Stored
from tests.unit.query_api import timeline

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Attempt:
    """When each step was reached, as far as it came."""

    times: tuple[datetime, ...]


def funnel(actions: Sequence[Stored], parameters: Mapping[str, str]) -> dict[str, Any]:
    """What GET /log/funnel must answer: the steps, and the starts of the intervals as moments."""
    steps = parameters["step"].split(",")
    within = timedelta(**{UNITS[parameters["within"][-1]]: int(parameters["within"][:-1])})
    found = _within(actions, parameters, steps)
    by_session = parameters.get("by") == "sessionId"
    best = [_best(own, steps, within) for own in _apart(found, by_session=by_session)]
    attempts = [attempt for attempt in best if attempt.times]
    axis = _axis(found, parameters) if "interval" in parameters else None
    groups = [attempts] if axis is None else [attempts, *_cut(attempts, axis)]
    figures = [[_reached(group, number) for number in range(len(steps))] for group in groups]
    totals = [reached for reached, _ in figures[0]]
    body: dict[str, Any] = {"steps": [_step(steps, number, totals, figures) for number in range(len(steps))]}
    if axis is None:
        for step in body["steps"]:
            del step["values"]
        return body
    return {**body, "times": axis}


def _step(
    steps: Sequence[str], number: int, totals: Sequence[int], figures: Sequence[Sequence[tuple[int, float | None]]]
) -> dict[str, Any]:
    reached, took = figures[0][number]
    before, first = totals[max(0, number - 1)], totals[0]
    rows = [row[number] for row in figures[1:]]
    return {
        "type": steps[number],
        "reached": reached,
        "fromPrevious": reached / before if number and before else None,
        "fromFirst": reached / first if first else None,
        "medianSeconds": took,
        "values": {"reached": [count for count, _ in rows], "medianSeconds": [seconds for _, seconds in rows]},
    }


def _reached(attempts: Sequence[Attempt], number: int) -> tuple[int, float | None]:
    took = [
        (attempt.times[number] - attempt.times[0]) / timedelta(seconds=1)
        for attempt in attempts
        if len(attempt.times) > number
    ]
    return len(took), median(took) if took and number else None


def _best(actions: Sequence[Stored], steps: Sequence[str], within: timedelta) -> Attempt:
    """The furthest attempt; of several the one that got there first, and of those the latest."""
    by_step = [sorted(action.time for action in actions if action.type == step) for step in steps]
    attempts = [_attempt(begin, by_step, begin + within) for begin in by_step[0]]
    furthest = max((len(attempt.times) for attempt in attempts), default=0)
    chosen = [attempt for attempt in attempts if len(attempt.times) == furthest]
    first = min((attempt.times[-1] for attempt in chosen), default=None)
    return max(
        (attempt for attempt in chosen if attempt.times[-1] == first),
        key=lambda attempt: attempt.times[0],
        default=Attempt(()),
    )


def _attempt(begin: datetime, by_step: Sequence[Sequence[datetime]], latest: datetime) -> Attempt:
    """From this begin on, each step as soon as it can be."""
    times = [begin]
    for moments in by_step[1:]:
        following = next((moment for moment in moments if times[-1] <= moment <= latest), None)
        if following is None:
            break
        times.append(following)
    return Attempt(tuple(times))


def retention(actions: Sequence[Stored], parameters: Mapping[str, str]) -> dict[str, Any]:
    """What GET /log/retention must answer; the cohorts' times as moments."""
    start, back = parameters.get("start"), parameters.get("return")
    found = _within(actions, parameters, (start, back) if start and back else ())
    axis = _axis(found, {"interval": "1d", **parameters})
    cohorts: list[dict[str, Any]] = [
        {"time": time, "users": 0, "returned": [0] * (len(axis) - n)} for n, time in enumerate(axis)
    ]
    for own in _apart(found, by_session=False):
        began = min((action.time for action in own if start in (None, action.type)), default=None)
        if began is None:
            continue
        cohort = cohorts[number := _place(axis, began)]
        cohort["users"] += 1
        returns = {_place(axis, action.time) for action in own if back in (None, action.type) and action.time >= began}
        for period in returns:
            cohort["returned"][period - number] += 1
    old_enough = [cohorts[: len(cohorts) - n] for n in range(len(cohorts))]
    total = {
        "users": [sum(cohort["users"] for cohort in some) for some in old_enough],
        "returned": [sum(cohort["returned"][n] for cohort in some) for n, some in enumerate(old_enough)],
    }
    return {"cohorts": cohorts, "total": total}


def _within(actions: Sequence[Stored], parameters: Mapping[str, str], types: Sequence[str | None]) -> list[Stored]:
    start = datetime.fromisoformat(parameters.get("startTime", "0001-01-01T00:00:00+00:00"))
    end = datetime.fromisoformat(parameters.get("endTime", "9999-12-31T00:00:00+00:00"))
    return [
        action
        for action in actions
        if start <= action.time < end
        and (not types or action.type in types)
        and parameters.get("userId", action.user) == action.user
    ]


def _apart(actions: Sequence[Stored], *, by_session: bool) -> list[list[Stored]]:
    own: dict[str, list[Stored]] = {}
    for action in actions:
        own.setdefault(action.session if by_session else action.user, []).append(action)
    return list(own.values())


def _axis(found: Sequence[Stored], parameters: Mapping[str, str]) -> list[datetime]:
    times = [action.time for action in found]
    given = [datetime.fromisoformat(parameters[name]) for name in ("startTime", "endTime") if name in parameters]
    if not times and len(given) < 2:
        return []
    start = given[0] if "startTime" in parameters else min(times)
    end = given[-1] if "endTime" in parameters else max(times) + timedelta(microseconds=1)
    return timeline.starts(parameters["interval"], parameters.get("timeZone", "UTC"), start, end)


def _place(axis: Sequence[datetime], moment: datetime) -> int:
    return bisect_right(axis, moment) - 1


def _cut(attempts: Sequence[Attempt], axis: Sequence[datetime]) -> list[list[Attempt]]:
    cut: list[list[Attempt]] = [[] for _ in axis]
    for attempt in attempts:
        cut[_place(axis, attempt.times[0])].append(attempt)
    return cut

"""Traffic: the visits of a stretch of time, and what of them is due when."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from deploy.demo import shop, visit
from deploy.demo.visit import Action

SLICE_S: Final = 60.0
_WRONG_SHARE: Final = 0.004  # of the live actions: wrong on purpose, so that refusals can be seen

Envelope = dict[str, Any]  # as POST /log takes it


@dataclass(order=True, slots=True)
class Due:
    """An action that is to be sent at a moment."""

    at_s: float
    number: int
    user_id: str = field(compare=False)
    session_id: str = field(compare=False)
    action: Action = field(compare=False)


class Traffic:
    """Makes the shop's visits up: of the past slice by slice, backwards; and of the present as time goes by.

    rate    actions a second, on average over the day
    """

    def __init__(self, chance: Random, rate: float, now_s: float) -> None:
        self._chance = chance
        self._visits_per_s = rate / visit.MEAN_ACTIONS
        self._began_s = now_s
        self._next_visit_s = now_s
        self._ahead: list[Due] = []
        self._numbers = itertools.count()

    def past(self, seconds: float) -> Iterator[list[Envelope]]:
        """An envelope for each visit that began within a slice, the newest slice first. What of a visit lies ahead is
        kept for the present.
        """
        end_s = self._began_s
        while end_s > self._began_s - seconds:
            begin_s = max(end_s - SLICE_S, self._began_s - seconds)
            yield [self._until_now(at_s) for at_s in self._arrivals(begin_s, end_s)]
            end_s = begin_s

    def due(self, now_s: float) -> list[Envelope]:
        """What visitors have done up to now and was not handed out yet, by session."""
        while self._next_visit_s <= now_s:
            self._keep(visit.begun(self._chance, self._next_visit_s), self._next_visit_s)
            per_s = self._visits_per_s * shop.busyness(self._next_visit_s)
            self._next_visit_s += self._chance.expovariate(per_s)
        sessions: dict[str, Envelope] = {}
        while self._ahead and self._ahead[0].at_s <= now_s:
            one = heapq.heappop(self._ahead)
            into = sessions.setdefault(one.session_id, _envelope(one.user_id, one.session_id, []))
            action = wrong(self._chance, one.action) if self._chance.random() < _WRONG_SHARE else one.action
            into["actions"].append(action)
        return list(sessions.values())

    def _arrivals(self, begin_s: float, end_s: float) -> Sequence[float]:
        expected = self._visits_per_s * shop.busyness(begin_s) * (end_s - begin_s)
        count = max(0, round(self._chance.gauss(expected, expected**0.5)))
        return sorted(self._chance.uniform(begin_s, end_s) for _ in range(count))

    def _until_now(self, at_s: float) -> Envelope:
        visitor = visit.begun(self._chance, at_s)
        return _envelope(visitor.user_id, visitor.session_id, self._keep(visitor, self._began_s))

    def _keep(self, visitor: visit.Visit, from_s: float) -> list[Action]:
        """Keep what the visitor does from then on; answers what came before."""
        before = []
        for at_s, action in visitor.actions():
            if at_s < from_s:
                before.append(action)
            else:
                due = Due(at_s, next(self._numbers), visitor.user_id, visitor.session_id, action)
                heapq.heappush(self._ahead, due)
        return before


def wrong(chance: Random, action: Action) -> Action:
    """The action with one of the mistakes that clients make; it will be refused, and only it."""
    return chance.choice(
        (
            {**action, "time": action["time"][:19]},  # without an offset
            {**action, "properties": [action["properties"]]},
            {**action, "type": f"{action['type']}\t"},
            {"id": action["id"], "time": action["time"], "type": action["type"], "propertes": action["properties"]},
        )
    )


def _envelope(user_id: str, session_id: str, actions: list[Action]) -> Envelope:
    return {"userId": user_id, "sessionId": session_id, "actions": actions}

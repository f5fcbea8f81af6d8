"""The timeline: where the log ended at some moments, and so until when everything in it is stored.

Offsets have no times of their own in what the sink commits. But who knows where the log ended at a moment, and that the
sink has come that far, knows that everything accepted until that moment is stored.
"""

import bisect
from collections.abc import Mapping
from typing import Final

MOST_MOMENTS: Final = 128

Positions = Mapping[int, int]  # of each partition an offset; a partition that is missing did not exist: 0


class Timeline:
    """Moments in seconds since 1970, oldest first, each with the log's ends at it; at most MOST_MOMENTS."""

    def __init__(self) -> None:
        self._moments: list[tuple[float, Positions]] = []

    def note(self, time_s: float, ends: Positions) -> None:
        """The log ended there at this moment, which may lie before others that are known."""
        bisect.insort(self._moments, (time_s, ends), key=lambda moment: moment[0])
        if len(self._moments) > MOST_MOMENTS:  # the older, the fewer are needed to tell how old
            self._moments = self._moments[: MOST_MOMENTS // 2 : 2] + self._moments[MOST_MOMENTS // 2 :]

    def stored_until(self, committed: Positions) -> float | None:
        """The moment until which everything in the log lies below ``committed``; None: before the first known one.

        Between two moments the log is taken to have grown evenly.
        """
        if not self._moments:
            return None
        passed = [self._reached(number, committed.get(number, 0)) for number in self._moments[-1][1]]
        known = [time_s for time_s in passed if time_s is not None]
        return min(known) if len(known) == len(passed) and known else None

    def forget_before(self, committed: Positions) -> None:
        """Leave out the moments that nobody will ask for, since a later one is wholly stored already."""
        stored = [
            place
            for place, (_, ends) in enumerate(self._moments)
            if all(committed.get(number, 0) >= end for number, end in ends.items())
        ]
        if stored:
            del self._moments[: stored[-1]]

    def clear(self) -> None:
        self._moments.clear()

    def _reached(self, number: int, offset: int) -> float | None:
        """When the partition ended at this offset; the latest such moment."""
        later: tuple[float, int] | None = None
        for time_s, ends in reversed(self._moments):
            end = ends.get(number, 0)
            if end <= offset:
                if later is None:
                    return time_s
                return time_s + (later[0] - time_s) * (offset - end) / (later[1] - end)
            later = time_s, end
        return None

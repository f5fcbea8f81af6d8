"""Axes: what time an answer's axis spans, from the request or else from the actions it finds."""

from contract.tables import ACTIONS
from query_api.analytics import intervals
from query_api.analytics.intervals import Axis, Zone
from query_api.estimate import Estimates
from query_api.filtering import conditions
from query_api.filtering.filters import Filters
from query_api.query import Query
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

_decoder = result_decoder(tuple[int, int, int])


class Axes:
    """Makes axes; asks the store for the time that the request does not say."""

    def __init__(self, store: Store, estimates: Estimates, settings: Settings) -> None:
        self._store = store
        self._estimates = estimates
        self._most = settings.max_points

    async def of(self, filters: Filters, interval: str, zone: Zone, work: Work) -> Axis:
        """Raises StoreError, and a Problem (400) when there would be too many points or rows."""
        lower_us, upper_us = filters.lower_us, filters.upper_us
        if lower_us is None or upper_us is None:
            query = extent(filters)
            await self._estimates.check(query, work)
            ((oldest_us, newest_us, rows),) = await self._store.fetch(query, work, _decoder)
            if not rows:  # an axis of nothing
                lower_us = upper_us = lower_us or upper_us or 0
            lower_us = oldest_us if lower_us is None else lower_us
            upper_us = newest_us + 1 if upper_us is None else upper_us
        return intervals.axis(interval, zone, lower_us, upper_us, most=self._most)


def is_given(filters: Filters) -> bool:
    """Whether the request says the whole span."""
    return filters.lower_us is not None and filters.upper_us is not None


def extent(filters: Filters) -> Query:
    """The first and the last time of what the filters find, and how many there are."""
    where = conditions.of(filters)
    text = f"SELECT toUnixTimestamp64Micro(min(time)), toUnixTimestamp64Micro(max(time)), count()\nFROM {ACTIONS} FINAL"
    return Query(f"{text}\n{where.where()}".rstrip(), where.parameters)


def span(filters: Filters, axis: Axis | None) -> tuple[int | None, int | None]:
    """What the answer says it looked at, in microseconds: the axis's span, unless there was nothing to span."""
    return (axis.lower_us, axis.upper_us) if axis and axis.starts else (filters.lower_us, filters.upper_us)

"""The query string of GET /log/counts → a CountsRequest."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from query_api.analytics import counts_groups, counts_measures
from query_api.analytics.counts_groups import Group
from query_api.analytics.intervals import Zone, parse_interval, parse_zone
from query_api.filtering import filter_parameters
from query_api.filtering.filter_parameters import read_filters
from query_api.filtering.filters import EVERYTHING, Filters, Scope
from query_api.filtering.query_string import QueryString, whole_number

NAMES: Final = (
    *filter_parameters.NAMES,
    *("groupBy", "interval", "timeZone", "measure", "of", "limit", "dryRun"),
)
DEFAULT_LIMIT: Final = 10


@dataclass(frozen=True, slots=True)
class CountsRequest:
    """What to count.

    measures    names; the first one orders the groups
    of          the members of the numeric property that some of them are of
    interval    None: no time axis
    limit       groups; the rest is summed up
    """

    filters: Filters
    measures: tuple[str, ...] = (counts_measures.COUNT,)
    of: tuple[str, ...] | None = None
    of_written: str | None = None
    groups: tuple[Group, ...] = ()
    interval: str | None = None
    zone: Zone = Zone()  # noqa: RUF009 - frozen
    limit: int = DEFAULT_LIMIT
    dry_run: bool = False


def parse(raw_query: bytes, most_groups: int, scope: Scope = EVERYTHING) -> CountsRequest:
    """Raises a Problem (400) that lists every wrong parameter."""
    query = QueryString(raw_query, NAMES, filter_parameters.PREFIXES)
    filters = read_filters(query, scope)
    measures = _measures(query)
    of = query.read("of", lambda text: (text, counts_groups.parse_property(scope, text)))
    groups = _groups(query, scope)
    interval = query.read("interval", parse_interval)
    zone = query.read("timeZone", parse_zone) or Zone()
    limit = query.read("limit", whole_number(1, most_groups)) or min(DEFAULT_LIMIT, most_groups)
    dry_run = query.flag("dryRun")
    _check_of(query, measures, given=of is not None)
    query.raise_errors()
    written, path = of or (None, None)
    return CountsRequest(filters, measures, path, written, groups, interval, zone, limit, dry_run)


def _measures(query: QueryString) -> tuple[str, ...]:
    names = dict.fromkeys(name for listed in query.read_all("measure", _listed_measures) for name in listed)
    return tuple(names) or (counts_measures.COUNT,)


def _listed_measures(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in counts_measures.NAMES:
            raise ValueError(f"{name[:100]!r} is none of {', '.join(counts_measures.NAMES)}")
    return names


def _groups(query: QueryString, scope: Scope) -> tuple[Group, ...]:
    read: Callable[[str], tuple[Group, ...]] = partial(counts_groups.parse_groups, scope)
    groups = dict.fromkeys(group for listed in query.read_all("groupBy", read) for group in listed)
    if len(groups) > counts_groups.MOST:
        query.refuse("groupBy", f"more than {counts_groups.MOST}")
    return tuple(groups)


def _check_of(query: QueryString, measures: tuple[str, ...], *, given: bool) -> None:
    if query.errors:
        return
    numeric = [name for name in measures if name in counts_measures.NUMERIC]
    if numeric and not given:
        query.refuse("of", f"{', '.join(numeric)} of which property? Say of=properties.<path>")
    if given and not numeric:
        query.refuse("of", f"no measure is of it; add measure= one of {', '.join(counts_measures.NUMERIC)}")

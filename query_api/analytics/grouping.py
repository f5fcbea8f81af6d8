"""Grouping: the bounds of queries that group, beside those of every query.

Groups that outgrow a quarter of the query's memory go to ClickHouse's disk, so that any number of them is exact.
ClickHouse's own rule for it (max_bytes_ratio_before_external_group_by) looks at the server's memory, not the query's:
5 million users in 1 GB failed, as measured. The result is bounded too: a key may be as long as a property's value.
"""

from query_api.query import Query
from query_api.settings import Settings

_SHARE = 4  # groups being merged from the disk, and the result, take memory as well


def bounded(query: Query, settings: Settings) -> Query:
    """The query with these bounds: numbers of ours, no values of the request."""
    bounds = {
        "max_bytes_before_external_group_by": settings.query_memory_bytes // _SHARE,
        "max_temporary_data_on_disk_size_for_query": settings.query_disk_bytes,
        "max_result_bytes": settings.max_figures_bytes,
    }
    listed = ", ".join(f"{name} = {number}" for name, number in bounds.items())
    return Query(f"{query.text}\nSETTINGS {listed}", query.parameters)

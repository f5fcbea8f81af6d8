"""The tables the sink writes and the query side reads, with the columns each of them relies on.

deploy/setup/migrations creates them; the services only check that they are there.
"""

from typing import Final

ACTIONS: Final = "actions"
DEAD_LETTERS: Final = "dead_letters"
DEAD_LETTER_REPLAYS: Final = "dead_letter_replays"  # the sink's operators write it, no service relies on it
BEFORE_REBUILD: Final = "actions_before_rebuild"  # the table that a rebuild replaced, kept until an operator drops it
ERASURES: Final = "erasures"  # query_api writes it; the sink's audit and rebuild read it


def all_shards(database: str) -> str:
    """The database whose tables read those of the same names in ``database`` on every shard of a cluster."""
    return f"{database}_all"


# An erasure means records that were received until this long after its request, however far clocks are apart.
CLOCKS_APART_US: Final = 86_400_000_000

# What the sink writes of an action, in the order of its rows.
ROW_COLUMNS: Final = (
    "event_id",
    "user_id",
    "session_id",
    "type",
    "time",
    "utc_offset_minutes",
    "received_at",
    "properties",
    "partition",
    "offset",
    "clock_skew_ms",
)
COLUMNS: Final[dict[str, frozenset[str]]] = {
    ACTIONS: frozenset(
        {
            *ROW_COLUMNS,
            "stored_at",  # the table's own clock; 1970: not known
            "hour",  # an alias: the key's first part, by which readers bound what they read
        }
    ),
    DEAD_LETTERS: frozenset(
        {"event_id", "topic", "partition", "offset", "recorded_at", "key", "value", "reason", "error_code"}
    ),
}

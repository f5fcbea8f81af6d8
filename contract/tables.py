"""The tables the sink writes and the query side reads, with the columns each of them relies on.

deploy/setup/migrations creates them; the services only check that they are there.
"""

from typing import Final

ACTIONS: Final = "actions"
DEAD_LETTERS: Final = "dead_letters"
DEAD_LETTER_REPLAYS: Final = "dead_letter_replays"  # the sink's operators write it, no service relies on it

COLUMNS: Final[dict[str, frozenset[str]]] = {
    ACTIONS: frozenset(
        {
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
            "hour",  # an alias: the key's first part, by which readers bound what they read
        }
    ),
    DEAD_LETTERS: frozenset(
        {"event_id", "topic", "partition", "offset", "recorded_at", "key", "value", "reason", "error_code"}
    ),
}

-- What `python -m consumer dead-letters replay` is about to publish, and what it has published: a row for each step.
-- An intent says where the topic's partitions ended before anything was published, so that an interrupted replay can
-- look there whether its record has arrived. Every row counts, none replaces another.
CREATE TABLE IF NOT EXISTS dead_letter_replays
(
    event_id  UUID COMMENT 'the dead letter\'s',
    state     Enum8('intended' = 1, 'published' = 2),
    log_ends  Map(UInt32, UInt64) COMMENT 'intended: the end of each partition',
    partition UInt32 COMMENT 'published: where the new record stands',
    offset    UInt64,
    at        DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (event_id, state)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Whose actions were to be erased, and how far it has come: a row for each step, none replaces another. The first says
-- where the topic's partitions ended when it was asked: the user's records below are erased, whenever they are stored.
-- Audit and rebuild read it too (docs/erasure.md).
CREATE TABLE IF NOT EXISTS erasures
(
    id            UUID COMMENT 'the receipt',
    state         Enum8('requested' = 1, 'hidden' = 2, 'settled' = 3, 'removing' = 4, 'removed' = 5),
    user_id       String COMMENT 'requested: whose',
    requested_by  LowCardinality(String) COMMENT 'requested: the name of the admin key',
    topic         LowCardinality(String) COMMENT 'requested: the topic of log_ends',
    log_ends      Map(UInt32, UInt64) COMMENT 'requested: the end of each partition',
    foreign_until Nullable(DateTime64(6, 'UTC')) COMMENT 'requested: received_at of the last row at or beyond log_ends: such rows are of an earlier topic of this name',
    kafka_until   Nullable(DateTime64(3, 'UTC')) COMMENT 'requested: by when the topic has dropped the records; null when it keeps them for ever',
    rows          UInt64 COMMENT 'hidden, settled: rows hidden by this step',
    at            DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (id, state)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

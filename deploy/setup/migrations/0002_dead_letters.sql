-- Records of the topic that are no actions, kept as they came: raw key and value, where they stood, and why.
-- event_id is made from position and content, so that the sink's read-back works as it does for actions.
CREATE TABLE IF NOT EXISTS dead_letters
(
    event_id    UUID,
    topic       LowCardinality(String),
    partition   UInt32,
    offset      UInt64,
    recorded_at DateTime64(3, 'UTC'),
    key         String CODEC(ZSTD(1)),
    value       String CODEC(ZSTD(1)),
    reason      String CODEC(ZSTD(1)),
    error_code  Int32,
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

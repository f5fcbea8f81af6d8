-- The actions. Read it through FINAL: the sink stores each record once, and what a client sent twice under one id
-- is one row there.
--
-- The key starts with the hour as a number. toStartOfHour(time) wraps after 2106, and neither prunes by a condition on
-- `time` alone: filter by `hour` too (docs/decisions/001).
CREATE TABLE IF NOT EXISTS actions
(
    event_id           UUID,
    user_id            String CODEC(ZSTD(1)),
    session_id         String CODEC(ZSTD(1)),
    type               LowCardinality(String),
    time               DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    utc_offset_minutes Int16 CODEC(ZSTD(1)),
    received_at        DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    properties         String CODEC(ZSTD(1)),
    partition          UInt32 CODEC(Delta(4), ZSTD(1)),
    offset             UInt64 CODEC(Delta(8), ZSTD(1)),
    hour               Int64 ALIAS intDiv(toUnixTimestamp64Micro(time), 3600000000),
    INDEX user_id_bloom user_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX position_minmax (partition, offset) TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (intDiv(toUnixTimestamp64Micro(time), 3600000000), type, time, event_id)
SETTINGS non_replicated_deduplication_window = 10000;

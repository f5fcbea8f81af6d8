-- The producer's clock minus the client's when it sent, in milliseconds, where the client told its own (sentAt).
ALTER TABLE actions ADD COLUMN IF NOT EXISTS clock_skew_ms Nullable(Int64) CODEC(ZSTD(1));

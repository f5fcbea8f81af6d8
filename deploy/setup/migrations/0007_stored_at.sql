-- When ClickHouse took the row. Rows that were there before say 1970, which readers show as unknown: so the column is
-- written into their parts (a file each, of zeros) before its default becomes the clock. On a large table this waits for
-- that, and for the filters of 0006.
ALTER TABLE actions
    ADD COLUMN IF NOT EXISTS stored_at DateTime64(3, 'UTC') DEFAULT toDateTime64(0, 3, 'UTC') CODEC(Delta(8), ZSTD(1));

ALTER TABLE actions MATERIALIZE COLUMN stored_at SETTINGS mutations_sync = 1;

ALTER TABLE actions MODIFY COLUMN stored_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1));

-- Filters that tell which granules may hold a user, a session or an id, wrong once in a thousand (docs/decisions/009).
-- They replace the one for users, which was wrong once in a hundred: over many granules that is most of what is read.
--
-- The table stays readable and writable. Parts that were there before get their filters in the background (20 million
-- rows: 5 s of CPU); until then they are read without, more slowly and just as right. Nothing here waits for that:
-- alter_sync = 0, since dropping an index would wait for the mutations before it.
ALTER TABLE actions
    ADD INDEX IF NOT EXISTS user_id_filter user_id TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS session_id_filter session_id TYPE bloom_filter(0.001) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS event_id_filter event_id TYPE bloom_filter(0.001) GRANULARITY 1;

ALTER TABLE actions
    MATERIALIZE INDEX user_id_filter,
    MATERIALIZE INDEX session_id_filter,
    MATERIALIZE INDEX event_id_filter
    SETTINGS mutations_sync = 0;

ALTER TABLE actions DROP INDEX IF EXISTS user_id_bloom SETTINGS alter_sync = 0;

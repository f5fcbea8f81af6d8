"""What query_api measures, each with what it tells an operator."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "actionlog_query_requests_total",
    "Answers by route and HTTP status (499: the client left first). A rise of 503 and 504 is a store away or too slow.",
    ["route", "status"],
)
REQUEST_SECONDS = Histogram(
    "actionlog_query_request_seconds",
    "Time to answer a request, from its head read to its answer's head written.",
    ["route"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
CLICKHOUSE_SECONDS = Histogram(
    "actionlog_query_clickhouse_seconds",
    "Time of one query in ClickHouse, with the way there and back. Compare with the request's: the rest is ours.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
CLICKHOUSE_ERRORS = Counter(
    "actionlog_query_clickhouse_errors_total",
    "Queries that failed, by reason: StoreUnavailable, StoreNotSetUp, QueryTimedOut, QueryOutOfMemory, StoreRefused.",
    ["reason"],
)
PAGE_WINDOWS = Histogram(
    "actionlog_query_page_windows",
    "Queries a page took until it was full. Many: rare actions are asked for without a time range.",
    buckets=(1, 2, 3, 4, 5, 6, 8, 10),
)
PAGE_ROWS = Histogram(
    "actionlog_query_page_rows", "Actions on a page.", buckets=(0, 1, 10, 50, 100, 200, 500, 1000, 10_000)
)
REQUESTS_QUERYING = Gauge(
    "actionlog_query_requests_querying",
    "Requests that hold one of QUERY_MAX_CONCURRENT_QUERIES turns now. At the bound, others wait and then get 503.",
)
REQUESTS_WAITING = Gauge("actionlog_query_requests_waiting", "Requests that wait for a turn now.")
KEY_REQUESTS = Counter("actionlog_query_key_requests_total", "Requests with each read key, by its name.", ["key"])
REFUSED_REQUESTS = Counter(
    "actionlog_query_refused_requests_total",
    "Requests without a read key, or with an unknown one, by code. A rise after a change of the keys:"
    " who was forgotten?",
    ["code"],
)
KEYS_STALE = Gauge(
    "actionlog_query_keys_stale",
    "1 while the file of read keys cannot be used: the last keys stay valid, and changes to it do not count.",
)
WATERMARK_READINGS = Counter(
    "actionlog_query_watermark_readings_total",
    "Times Kafka was asked how far the sink is, by outcome: read, failed. While they fail, after= is refused.",
    ["outcome"],
)
WATERMARK_AGE = Gauge(
    "actionlog_query_watermark_age_seconds", "Age of the reading of the watermark that the last answer told."
)
AFTER_WAITERS = Gauge(
    "actionlog_query_after_waiters",
    "Requests that wait now until their receipts are stored. Many: the sink is slow or stopped.",
)
TAIL_WATCHERS = Gauge("actionlog_query_tail_watchers", "Open GET /log/tail. At QUERY_TAIL_MAX_WATCHERS others get 503.")
TAIL_READERS = Gauge("actionlog_query_tail_readers", "1 while the topic is read for watchers, however many, else 0.")
TAIL_MISSED = Counter(
    "actionlog_query_tail_missed_total",
    "Actions that watchers were told they had missed, by reason: slow (the watcher), gap (resumed too late, or this"
    " process was too slow).",
    ["reason"],
)
TAIL_LAG = Gauge(
    "actionlog_query_tail_lag_records", "Records in the log that the tail has not read yet, as of the last fetch."
)
RANGE_RECORDS = Counter(
    "actionlog_query_range_records_total",
    "Records read again from the log: for watchers that came back, and for GET /log/{id}.",
)
EXPORTS = Counter(
    "actionlog_query_exports_total",
    "Exports by format and outcome: complete, cut (ClickHouse failed after the head was sent; the client sees a broken"
    " connection), left (the client left first).",
    ["format", "outcome"],
)
EXPORT_BYTES = Counter(
    "actionlog_query_export_bytes_total", "Bytes of exports handed to clients, by format, before gzip.", ["format"]
)
EXPORT_HELD_BYTES = Histogram(
    "actionlog_query_export_held_bytes",
    "Bytes held for one export, each time some came. Slow clients must not move it: ClickHouse waits for them instead.",
    buckets=(65_536, 262_144, 1_048_576, 4_194_304),
)
EXPORTS_RUNNING = Gauge(
    "actionlog_query_exports_running",
    "Exports that hold one of QUERY_MAX_CONCURRENT_EXPORTS turns now. At the bound, others wait and then get 503.",
)
EXPORTS_WAITING = Gauge("actionlog_query_exports_waiting", "Exports that wait for a turn now.")
ERASURES = Counter("actionlog_query_erasures_total", "Erasures that this process was asked for and wrote down.")
ERASURES_UNFINISHED = Gauge(
    "actionlog_query_erasures_unfinished",
    "Erasures whose rows are not off ClickHouse's disk yet. Above 0 for longer than"
    " QUERY_ERASE_AFTER_HOURS: see the log.",
    multiprocess_mode="max",
)

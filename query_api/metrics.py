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

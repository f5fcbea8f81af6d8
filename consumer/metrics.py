"""What the sink measures, each with what it tells an operator."""

from prometheus_client import Counter, Gauge, Histogram

RECORDS_STORED = Counter(
    "actionlog_sink_records_stored_total",
    "Actions stored in ClickHouse. A block whose end a killed sink did not commit counts once more in its successor.",
)
DEAD_LETTERED = Counter(
    "actionlog_sink_dead_lettered_total",
    "Records that are no actions, or that ClickHouse refuses, kept in dead_letters: look at their reasons.",
)
RECORDS_LOST = Counter(
    "actionlog_sink_records_lost_total",
    "Offsets that Kafka's retention deleted before the sink read them: the sink was away for too long.",
    ["partition"],
)
BLOCKS = Counter("actionlog_sink_blocks_total", "Blocks stored; rows per block tell whether inserts are large enough.")
READ_BACKS = Counter(
    "actionlog_sink_read_backs_total",
    "Read-backs after an unknown outcome, by what they found: `some` is a bisected block, or stops a partition.",
    ["found"],
)
INSERT_FAILURES = Counter(
    "actionlog_sink_insert_failures_total",
    "Inserts and read-backs that failed: `unavailable` passes by itself, `refused` needs an operator, `data` is"
    " bisected.",
    ["kind"],
)
WAITING_BLOCKS = Gauge(
    "actionlog_sink_waiting_blocks",
    "Blocks that wait for a shard of ClickHouse which is away or refuses them; 0: the only shard, or the first.",
    ["shard"],
)
INSERT_SECONDS = Histogram(
    "actionlog_sink_insert_seconds",
    "Time of one insert; rising with constant block sizes means ClickHouse is the bottleneck.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
BLOCK_ROWS = Histogram(
    "actionlog_sink_block_rows",
    "Records per block: small ones are paid per insert, full ones say that a backlog is being drained.",
    buckets=(1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000),
)
BUFFERED_BYTES = Gauge("actionlog_sink_buffered_bytes", "Bytes waiting or in flight; at its bound fetching pauses.")
LOG_CUTS = Counter(
    "actionlog_sink_log_cuts_total",
    "Times that a partition's log ended before what was read of it: a topic made again, or an unclean election.",
    ["partition"],
)
WATERMARK = Gauge(
    "actionlog_sink_watermark_offset", "Offset below which every record of a partition is stored.", ["partition"]
)
LOG_END = Gauge("actionlog_sink_log_end_offset", "End of a partition's log, at most some seconds old.", ["partition"])
LAG_RECORDS = Gauge(
    "actionlog_sink_lag_records",
    "Offsets between the watermark and the log's end: a constant number is work in flight, a growing one a backlog.",
    ["partition"],
)
STOPPED = Gauge(
    "actionlog_sink_stopped_partitions", "Partitions that wait for a person, since a block was found half stored."
)
LAG_SECONDS = Gauge(
    "actionlog_sink_lag_seconds",
    "Age of a partition's oldest record not yet stored, by Kafka's timestamp; 0 without any, no sample when unknown.",
    ["partition"],
)
FENCED = Counter(
    "actionlog_sink_fenced_total",
    "Commits refused because the group moved on: what was collected went to the new owner.",
)
REBALANCES = Counter("actionlog_sink_rebalances_total", "Assignments of partitions to this process.")

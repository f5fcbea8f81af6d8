"""What the producer API measures, each metric with what it tells an operator."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ACCEPTED_ACTIONS: Final = Counter(
    "actionlog_producer_accepted_actions",
    "Actions that Kafka has acknowledged. Stands still while requests come in: look at the refusals.",
)
REJECTED_ACTIONS: Final = Counter(
    "actionlog_producer_rejected_actions",
    "Actions that were not accepted, by the first field that is wrong: time, type, properties, id, repeated id, "
    "unknown, malformed, or one of their envelope's. Grows for one field: a client was released with a mistake.",
    ["field"],
)
RECEIVED_BYTES: Final = Counter(
    "actionlog_producer_received_bytes",
    "Bytes of the bodies of POST /log, as they were sent: what the network carries.",
)
COMPRESSED_BYTES: Final = Counter(
    "actionlog_producer_compressed_bytes",
    "Those of them that came compressed, by the last content coding.",
    ["encoding"],
)
DECOMPRESSED_BYTES: Final = Counter(
    "actionlog_producer_decompressed_bytes",
    "Bytes of what the compressed ones held, by the last content coding. Divided by them: what compression saves.",
    ["encoding"],
)
CLOCK_SKEW_SECONDS: Final = Histogram(
    "actionlog_producer_clock_skew_seconds",
    "Seconds that this clock is ahead of a client's, for requests with sentAt: the way through the network, and wrong "
    "clocks. All far from zero: this machine's clock is the wrong one.",
    buckets=(-86_400, -3_600, -60, -5, -1, -0.1, 0, 0.1, 0.25, 0.5, 1, 2.5, 5, 60, 3_600, 86_400),
)
REFUSED_REQUESTS: Final = Counter(
    "actionlog_producer_refused_requests",
    "Requests of POST /log that were refused, by the problem's code: clients' mistakes (invalid-request, ...), "
    "overload (overloaded: more producers or Kafka partitions) or Kafka (kafka-unavailable, unacknowledged).",
    ["reason"],
)
BATCH_RECORDS: Final = Histogram(
    "actionlog_producer_batch_records",
    "Records in one acknowledged Kafka batch. Grows under load (group commit); large batches are cheap ones.",
    buckets=(1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000),
)
BATCH_BYTES: Final = Histogram(
    "actionlog_producer_batch_bytes",
    "Bytes of one acknowledged Kafka batch. Often at batch_max_bytes: the partition is saturated.",
    buckets=(300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
)
ACK_SECONDS: Final = Histogram(
    "actionlog_producer_ack_seconds",
    "Seconds from sending a batch to Kafka's acknowledgement by all in-sync replicas: the floor of a request's time.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
INFLIGHT_BYTES: Final = Gauge(
    "actionlog_producer_inflight_bytes",
    "Bytes of records that wait for Kafka's acknowledgement. At max_inflight_bytes requests are answered 503.",
    multiprocess_mode="livesum",
)
PRODUCER_RESTARTS: Final = Counter(
    "actionlog_producer_kafka_restarts",
    "Kafka producers that died and were replaced by a new one. More than a few: the log says why.",
)
KEY_REQUESTS: Final = Counter(
    "actionlog_producer_key_requests",
    "Requests of POST /log by the name of their write key, refusals by its limit included: who sends how much.",
    ["key"],
)
KEYS_STALE: Final = Gauge(
    "actionlog_producer_write_keys_stale",
    "1 while the file of write keys cannot be used, and the last keys that were read stay valid: the log says why.",
    multiprocess_mode="livemax",
)
FORGOTTEN_BUCKETS: Final = Counter(
    "actionlog_producer_forgotten_rate_limit_buckets",
    "Client addresses forgotten before their use of the rate limit had expired, for want of room: they start afresh. "
    "Grows: raise rate_limit_addresses.",
)

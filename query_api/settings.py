"""The settings of query_api: environment variables with the prefix QUERY_."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from contract.topics import DEFAULT_SINK_GROUP, DEFAULT_TOPIC
from kit.settings import ClickHouseSettings, KafkaSettings, ServiceSettings


class Settings(ServiceSettings, KafkaSettings, ClickHouseSettings):
    """How query_api listens, reaches ClickHouse and Kafka, and bounds what one request may cost."""

    model_config = SettingsConfigDict(env_prefix="QUERY_", extra="ignore", frozen=True)

    port: int = Field(8001, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one")
    clickhouse_user: str = Field("actionlog_reader", description="ClickHouse user; SELECT on the tables is enough")

    keys_file: Path | None = Field(
        None, description="JSON list of the keys that may read (docs/access.md); none: everybody may"
    )
    keys_reload_s: float = Field(5.0, gt=0, description="seconds between two looks whether that file has changed")

    default_limit: int = Field(100, ge=1, description="actions on a page when the request names no limit")
    max_limit: int = Field(10_000, ge=1, description="most actions a request may ask for on one page")
    cursor_secret: SecretStr = Field(
        SecretStr(""),
        description="key that signs cursors; without one they are protected against damage, not against forging",
    )

    query_timeout_ms: int = Field(
        10_000, ge=100, description="milliseconds that all queries of one request may take together; then 504"
    )
    query_memory_bytes: int = Field(
        1_000_000_000, ge=10_000_000, description="bytes of ClickHouse's memory one query may use; then 503"
    )
    query_disk_bytes: int = Field(
        10_000_000_000,
        ge=1,
        description="bytes of ClickHouse's disk one query may use for groups that outgrow its memory; then 400",
    )
    max_rows_to_read: int = Field(
        1_000_000_000,
        ge=1,
        description="rows one query may read, by ClickHouse's estimate before it runs and by its count while it does",
    )
    max_concurrent_queries: int = Field(
        8, ge=1, description="requests that may query ClickHouse at one time, each one query at a time"
    )
    max_waiting_requests: int = Field(64, ge=0, description="requests that may wait for their turn; one more gets 503")
    max_wait_ms: int = Field(500, ge=0, description="milliseconds a request may wait for its turn; then 503")
    reconnect_pause_ms: int = Field(
        500, ge=0, description="milliseconds after a failed connection attempt in which no other is made"
    )

    export_timeout_ms: int = Field(
        300_000,
        ge=100,
        le=600_000,
        description="milliseconds one export may take, until its client has taken it all; then it is cut."
        " Above 600,000 the user's profile in ClickHouse says no",
    )
    max_export_rows: int = Field(
        1_000_000_000, ge=1, description="rows one export may read, as QUERY_MAX_ROWS_TO_READ for other queries"
    )
    max_concurrent_exports: int = Field(
        2, ge=1, description="exports at one time, beside QUERY_MAX_CONCURRENT_QUERIES other requests"
    )
    max_waiting_exports: int = Field(
        4, ge=0, description="exports that may wait for their turn, QUERY_MAX_WAIT_MS at most; one more gets 503"
    )

    first_window_rows: int = Field(
        32_768, ge=1, description="rows the first, newest stretch of time of a page should hold (4 granules)"
    )
    window_growth: int = Field(
        8,
        ge=2,
        description="how much more each further stretch holds; its square with userId or sessionId",
    )
    extent_max_age_ms: int = Field(
        5_000, ge=0, description="milliseconds the rows-per-month counts are reused that choose those stretches"
    )

    max_groups: int = Field(1_000, ge=1, le=10_000, description="most groups a request for counts may ask for")
    max_points: int = Field(2_500, ge=1, le=5_000, description="most points of time on one answer's axis; then 400")
    max_values: int = Field(
        200_000,
        ge=1_000,
        description="most figures in one answer: points of time, times groups, times measures; then 400",
    )
    max_figures_bytes: int = Field(
        64_000_000,
        ge=100_000,
        description="bytes that ClickHouse may answer for one request for counts: keys may be long; then 400",
    )
    exact_up_to_rows: int = Field(
        5_000_000,
        ge=0,
        description="rows up to which distinct users and percentiles are exact; about 1 % off beyond, in fixed memory",
    )

    fields_sample_actions: int = Field(
        1_000, ge=1, le=10_000, description="newest actions in which GET /log/fields looks for properties"
    )
    fields_sample_bytes: int = Field(
        2_000_000, ge=1, description="bytes of their properties after which it looks at no more of them"
    )

    explorer_folder: Path = Field(
        Path(__file__).resolve().parents[1] / "browser" / "explorer" / "dist",
        description="folder of the built explorer, served at /; without it / says how to build it",
    )

    kafka_topic: str = Field(DEFAULT_TOPIC, description="topic of the action records")
    sink_group: str = Field(
        DEFAULT_SINK_GROUP, description="the sink's consumer group: its committed offsets are the watermark"
    )
    kafka_request_timeout_ms: int = Field(
        1_500,
        ge=1_000,
        description="milliseconds Kafka may take for one answer, the half second included that a fetch may wait for"
        " records; actions are read without it",
    )
    watermark_max_age_ms: int = Field(
        200, ge=0, description="milliseconds a reading of the watermark is shared by all requests; none while idle"
    )
    watermark_poll_ms: int = Field(
        50,
        ge=1,
        description="milliseconds between two readings of the watermark while requests wait for receipts",
    )
    pipeline_max_age_ms: int = Field(
        1_000, ge=0, description="milliseconds a reading of GET /pipeline is shared by all who ask; none while idle"
    )
    after_default_wait_s: int = Field(
        5, ge=0, description="seconds a request with after= waits when it doesn't say (Prefer: wait=); then 504"
    )
    after_max_wait_s: int = Field(30, ge=0, description="most seconds such a request may wait, whatever it says")
    max_after_waiters: int = Field(
        500, ge=0, description="requests that may wait for their receipts at one time; one more gets 503"
    )

    tail_max_watchers: int = Field(100, ge=0, description="open GET /log/tail at one time; one more gets 503")
    tail_queue_records: int = Field(
        1_000, ge=1, description="actions that may wait for a slow watcher; what doesn't fit is counted, and told"
    )
    tail_queue_bytes: int = Field(4_000_000, ge=1, description="bytes of records that may wait for a slow watcher")
    tail_resume_records: int = Field(
        10_000,
        ge=0,
        description="most records read again for a watcher that comes back; older ones are told as a gap",
    )
    tail_max_lag_records: int = Field(
        100_000, ge=1, description="records the tail may be behind; then it goes to the log's end and tells the gap"
    )
    tail_heartbeat_s: float = Field(15.0, gt=0, description="seconds between two signs of life on a quiet stream")
    tail_grace_s: float = Field(
        10.0, ge=0, description="seconds after the last watcher has gone until the tail's consumer is closed"
    )
    tail_send_timeout_s: float = Field(
        30.0, gt=0, description="seconds a watcher may take nothing while there is something for it; then it is left"
    )
    tail_max_age_s: float = Field(
        3_600.0,
        gt=0,
        description="seconds a stream lasts; its client comes back to where it was, and shows its key anew",
    )
    eraser_user: str = Field("actionlog_eraser", description="ClickHouse user that erases (docs/erasure.md)")
    eraser_password: SecretStr | None = Field(None, description="password of that user; none: erasing is switched off")
    erase_check_s: float = Field(
        2.0, gt=0, description="seconds between two looks at erasures whose rows may still be stored by the sink"
    )
    erase_removal_check_s: float = Field(
        300.0, gt=0, description="seconds between two looks whether merges have removed an erasure's rows from the disk"
    )
    erase_after_hours: float = Field(
        24.0, ge=0, description="hours after which ClickHouse is asked to remove rows that merges have left on the disk"
    )

    range_reads: int = Field(
        2, ge=1, description="reads of a stretch of the log at one time, for watchers that come back and GET /log/{id}"
    )
    place_max_records: int = Field(
        50_000, ge=0, description="records not yet stored in which GET /log/{id} looks for an id, the newest first"
    )

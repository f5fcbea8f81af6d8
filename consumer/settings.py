"""Settings of the consumer, environment prefix CONSUMER_."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from contract.topics import DEFAULT_SINK_GROUP, DEFAULT_TOPIC
from kit.settings import ClickHouseSettings, KafkaSettings, ServiceSettings


class Settings(ServiceSettings, KafkaSettings, ClickHouseSettings):
    """Each bound of the sink, with its unit."""

    model_config = SettingsConfigDict(env_prefix="CONSUMER_", extra="ignore", frozen=True)

    port: int = Field(8002, ge=0, le=65535, description="TCP port of health and metrics; 0 takes a free one")

    kafka_topic: str = Field(DEFAULT_TOPIC, description="topic of the action records")
    kafka_group: str = Field(DEFAULT_SINK_GROUP, description="consumer group; its committed offsets are the watermark")
    kafka_session_timeout_ms: int = Field(
        10_000,
        ge=1_000,
        description="milliseconds without a heartbeat after which Kafka gives the partitions to others",
    )
    kafka_request_timeout_ms: int = Field(
        10_000, ge=1_000, description="milliseconds to wait for an answer of a broker"
    )

    flush_after_ms: int = Field(
        400,
        ge=1,
        description="age of the oldest waiting record at which its block is stored, in milliseconds: the freshness of"
        " reads against inserts per second",
    )
    max_block_rows: int = Field(50_000, ge=1, le=500_000, description="records in one block of one partition at most")
    max_block_bytes: int = Field(16 << 20, ge=1 << 16, le=256 << 20, description="bytes of values in one block at most")
    max_buffered_bytes: int = Field(
        256 << 20,
        ge=1 << 20,
        description="bytes of values waiting or in flight, all partitions; beyond it no fetching. Each shard's"
        " partitions have an equal part of it, so that one that is away holds up no others",
    )
    max_concurrent_inserts: int = Field(4, ge=1, le=64, description="inserts in flight at once, on each shard")
    insert_quorum: str = Field(
        "",
        pattern=r"^(auto|[1-9]\d*)?$",
        description="replicas that must hold a block before its insert is answered, `auto` for a majority (ClickHouse's"
        " insert_quorum); for replicated tables only, and recommended there: read-backs then wait until the replica has"
        " caught up (SYSTEM SYNC REPLICA). Empty: the tables are not replicated",
    )

    insert_timeout_s: float = Field(60.0, gt=0, description="seconds an insert may take before its outcome is unknown")
    read_back_timeout_s: float = Field(
        60.0,
        gt=0,
        description="seconds the read-back of a block may take, and ending an earlier attempt: one whose owner stopped"
        " in the middle of its body ends with ClickHouse's http_receive_timeout, 30 s",
    )
    backoff_first_ms: int = Field(100, ge=1, description="milliseconds before the first repeat of what failed")
    backoff_max_ms: int = Field(10_000, ge=1, description="milliseconds between repeats at most; jittered, for ever")
    rebalance_drain_s: float = Field(
        3.0, ge=0, description="seconds that inserts in flight may take to finish when partitions are taken away"
    )
    rebuild_clickhouse_user: str | None = Field(
        None,
        description="ClickHouse user of `python -m consumer rebuild`, which creates, alters and drops tables: the"
        " setup's; the sink never uses it",
    )
    rebuild_clickhouse_password: SecretStr | None = Field(None, description="password of that user")

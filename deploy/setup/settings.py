"""Settings of `python -m deploy.setup`, environment prefix SETUP_."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from contract.topics import DEFAULT_TOPIC
from kit.settings import ClickHouseSettings, KafkaSettings


class SetupSettings(KafkaSettings, ClickHouseSettings):
    """The ClickHouse user needs the right to create the database and its tables; the services' users do not."""

    model_config = SettingsConfigDict(env_prefix="SETUP_", extra="ignore", frozen=True)

    kafka_topic: str = Field(DEFAULT_TOPIC, description="topic of the action records")
    topic_partitions: int = Field(
        12, ge=1, description="partitions of a new topic; chosen for the years ahead, since keys move when it grows"
    )
    topic_replication_factor: int = Field(1, ge=1, description="copies of each record; 3 on a cluster")
    topic_min_insync_replicas: int = Field(
        1, ge=1, description="copies an acknowledgement waits for; 2 of 3 on a cluster"
    )
    topic_retention_hours: int = Field(
        7 * 24, ge=1, description="hours that records stay in Kafka; the sink may be away for that long"
    )
    fsync: bool = Field(
        True,
        description="ClickHouse answers an insert after fsync, so that an action survives power loss;"
        " costs about 14% of insert time. Off where replicas keep copies",
    )
    disk_reserve_bytes: int = Field(
        512 << 20,
        ge=0,
        description="bytes that inserts leave free on ClickHouse's disk: below it they wait. A disk that fills up"
        " during an insert can cost rows that ClickHouse has acknowledged, fsync or not",
    )
    wait_timeout_s: float = Field(30.0, gt=0, description="seconds to wait for Kafka and ClickHouse to answer")

"""Settings of `python -m deploy.setup`, environment prefix SETUP_."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from contract.topics import DEFAULT_TOPIC
from deploy.setup.cluster import Cluster
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
    clickhouse_cluster: str | None = Field(
        None,
        pattern=r"^\w+$",
        description="name of a cluster of shards in ClickHouse's remote_servers (docs/cluster.md); none: one server",
    )
    clickhouse_replicated: bool = Field(
        True,
        description="the cluster's tables are replicated, made ON CLUSTER, and agree through Keeper. Off: each shard is"
        " one plain server, set up over its URL in SETUP_CLICKHOUSE_SHARD_URLS",
    )
    wait_timeout_s: float = Field(30.0, gt=0, description="seconds to wait for Kafka and ClickHouse to answer")

    @model_validator(mode="after")
    def _cluster_is_complete(self) -> Self:
        if self.clickhouse_shard_urls and not self.clickhouse_cluster:
            raise ValueError("clickhouse_shard_urls needs clickhouse_cluster")
        if self.clickhouse_cluster and not self.clickhouse_replicated and not self.clickhouse_shard_urls:
            raise ValueError("a cluster that is not replicated needs clickhouse_shard_urls")
        return self

    @property
    def cluster(self) -> Cluster | None:
        if self.clickhouse_cluster is None:
            return None
        return Cluster(self.clickhouse_cluster, self.clickhouse_database, self.clickhouse_replicated)

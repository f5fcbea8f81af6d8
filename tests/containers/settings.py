"""Which images the container tests run: the variables and defaults of deploy/compose/compose.yaml."""

from typing import Final

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings

SERVICES: Final = {"producer_api": "producer-api", "consumer": "consumer", "query_api": "query-api"}


class Images(BaseSettings):
    """Names with tags."""

    kafka: str = Field("apache/kafka:4.3.1", validation_alias=AliasChoices("KAFKA_IMAGE"))
    clickhouse: str = Field("clickhouse/clickhouse-server:26.7", validation_alias=AliasChoices("CLICKHOUSE_IMAGE"))
    registry: str = Field("actionlog", validation_alias=AliasChoices("ACTIONLOG_REGISTRY"))
    version: str = Field("0.1.0", validation_alias=AliasChoices("ACTIONLOG_VERSION"))

    def ours(self, name: str) -> str:
        """`consumer` -> `actionlog/consumer:0.1.0`."""
        return f"{self.registry}/{name}:{self.version}"

    def own(self) -> list[str]:
        return [self.ours(name) for name in (*SERVICES.values(), "setup")]

"""Settings of who may write, and how much."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

from kit.keys import require_origin


class AccessSettings(BaseSettings):
    """Keys, origins of browsers' pages, rate limits. The defaults let everybody in: fit for a machine of one's own."""

    write_keys_file: Path | None = Field(
        None, description="JSON list of the keys that may write (docs/access.md); none: everybody may"
    )
    write_keys_reload_s: float = Field(5.0, gt=0, description="seconds between two looks whether that file has changed")
    allowed_origins: str = Field(
        "*",
        description="origins (scheme://host[:port], comma-separated) whose pages may write while there are no keys; "
        "* is all of them. With keys, each key has its own",
    )
    preflight_max_age_s: int = Field(
        7_200, ge=0, description="seconds that browsers may remember the answer to a preflight; Chromium's most is 7200"
    )
    key_rate_per_s: float = Field(
        0.0, ge=0, description="requests per second that each key may make in the long run; 0: no limit"
    )
    key_burst: int = Field(1_000, ge=1, description="requests that a key may make at once")
    address_rate_per_s: float = Field(
        0.0,
        ge=0,
        description="requests per second that each client address may make in the long run; 0: no limit. "
        "Set it where the port is public: 10 suits pages that send every few seconds",
    )
    address_burst: int = Field(100, ge=1, description="requests that a client address may make at once")
    rate_limit_addresses: int = Field(
        100_000, ge=1, description="addresses whose use is remembered, the latest ones; about 300 bytes each"
    )
    trusted_proxies: str = Field(
        "",
        description="networks (CIDR, comma-separated) of our own proxies: only from them is X-Forwarded-For believed",
    )

    @model_validator(mode="after")
    def _lists_are_well_formed(self) -> Self:
        for origin in split(self.allowed_origins):
            require_origin(origin)
        _ = networks(self.trusted_proxies)
        return self


def split(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """The networks of a comma-separated list; raises ValueError."""
    return [ip_network(item) for item in split(text)]

"""Whose request it is: the address that the rate limit counts by."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

from producer_api.access_settings import networks

_REMEMBERED = 4_096
# What a provider gives to one customer at least: a single address of it costs nobody anything.
_IPV6_PREFIX_BITS = 64
_UNKNOWN = "unknown"


class ClientAddress:
    """The peer; behind our own proxies, the nearest address in X-Forwarded-For that is not one of them.

    What stands further left in that header, anybody can have written.
    """

    def __init__(self, trusted_proxies: str) -> None:
        self._trusted = networks(trusted_proxies)
        self._is_trusted = lru_cache(_REMEMBERED)(self._lies_in_trusted)

    def of(self, scope: Scope) -> str:
        peer: str = scope["client"][0] if scope["client"] else _UNKNOWN
        if self._trusted and self._is_trusted(peer):
            return _counted_as(self._forwarded(scope, peer))
        return _counted_as(peer)

    def _forwarded(self, scope: Scope, peer: str) -> str:
        lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        client = peer
        for hop in reversed(b",".join(lines).decode("latin-1").split(",")):
            address = _without_port(hop.strip())
            if not _is_address(address):
                break  # our own proxy wrote nonsense, or nothing: the last hop known is all there is
            client = address
            if not self._is_trusted(address):
                break
        return client

    def _lies_in_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = _mapped(ip_address(address))
        return any(parsed in network for network in self._trusted)


@lru_cache(_REMEMBERED)
def _counted_as(address: str) -> str:
    if ":" not in address or not _is_address(address):
        return address
    parsed = _mapped(ip_address(address))
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(IPv6Address(int(parsed) >> _IPV6_PREFIX_BITS << _IPV6_PREFIX_BITS))


def _mapped(address: object) -> object:
    """An IPv4 address that came over an IPv6 socket is an IPv4 address."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _without_port(hop: str) -> str:
    """Some proxies write 192.0.2.1:4711 and [2001:db8::1]:4711."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

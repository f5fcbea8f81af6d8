"""Whose request it is, whatever the client writes into X-Forwarded-For."""

from typing import Any

import pytest

from producer_api.client_address import ClientAddress

PROXIES = "10.0.0.0/8, fd00::/8"


def address(peer: str | None, *forwarded: str, trusted: str = PROXIES) -> str:
    scope: dict[str, Any] = {
        "client": (peer, 4711) if peer else None,
        "headers": [(b"host", b"x"), *((b"x-forwarded-for", line.encode("latin-1")) for line in forwarded)],
    }
    return ClientAddress(trusted).of(scope)


def test_without_trusted_proxies_it_is_the_peer_whatever_it_claims() -> None:
    assert address("10.0.0.1", "198.51.100.7", trusted="") == "10.0.0.1"


def test_a_peer_that_is_no_proxy_of_ours_is_not_believed() -> None:
    assert address("203.0.113.9", "198.51.100.7") == "203.0.113.9"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["192.0.2.1, 198.51.100.7"], "198.51.100.7"),
        (["192.0.2.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (["192.0.2.1", "198.51.100.7", "10.0.0.2,10.0.0.3"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["nonsense, 198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, nonsense"], "10.0.0.1"),
        (["198.51.100.7, nonsense, 10.0.0.2"], "10.0.0.2"),
        (["10.0.0.4, 10.0.0.3"], "10.0.0.4"),
        ([""], "10.0.0.1"),
        (["é"], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_behind_our_proxies_it_is_the_nearest_address_that_is_not_ours(lines: list[str], client: str) -> None:
    assert address("10.0.0.1", *lines) == client


def test_a_network_of_ipv6_counts_as_one_client() -> None:
    assert address("2001:db8:1:2:3::1") == address("2001:db8:1:2:ffff::9") == "2001:db8:1:2::"
    assert address("2001:db8:1:3::1") != "2001:db8:1:2::"
    assert address("fd00::1", "[2001:db8:1:2::7]:4711") == "2001:db8:1:2::"


def test_ipv4_over_an_ipv6_socket_is_ipv4() -> None:
    assert address("::ffff:203.0.113.9") == "203.0.113.9"
    assert address("::ffff:10.0.0.1", "198.51.100.7") == "198.51.100.7"


def test_a_peer_without_an_address_is_one_client() -> None:
    assert address(None) == "unknown"

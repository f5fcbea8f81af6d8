"""Ports are checked before anything starts."""

import os
import socket
from collections.abc import Iterator

import pytest

from deploy.local.errors import PortBusyError
from deploy.local.ports import Port, free_ports, is_free, require_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_busy_port_is_reported_with_owner_holder_and_setting(taken: int) -> None:
    with pytest.raises(PortBusyError) as error:
        require_free([Port("ClickHouse", taken, "LOCAL_CLICKHOUSE_PORT")])
    text = str(error.value)
    assert "ClickHouse" in text
    assert str(taken) in text
    assert f"pid {os.getpid()}" in text
    assert "LOCAL_CLICKHOUSE_PORT" in text


def test_every_busy_port_is_named_at_once(taken: int) -> None:
    with pytest.raises(PortBusyError) as error:
        require_free([Port("one", taken, "LOCAL_ONE"), Port("two", taken, "LOCAL_TWO")])
    assert "LOCAL_ONE" in str(error.value)
    assert "LOCAL_TWO" in str(error.value)


def test_a_port_given_twice_is_reported() -> None:
    (free,) = free_ports(1)
    with pytest.raises(PortBusyError, match="given twice"):
        require_free([Port("one", free, "LOCAL_ONE"), Port("two", free, "LOCAL_TWO")])


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(is_free(port) for port in ports)
    require_free([Port(str(port), port, "LOCAL_X") for port in ports])


def test_free_ports_come_in_rows_that_do_not_meet() -> None:
    rows = [{first + 10 * number for number in range(3)} for first in free_ports(20, rows=3, apart=10)]
    assert len(set.union(*rows)) == 60
    assert all(is_free(port) for row in rows for port in row)

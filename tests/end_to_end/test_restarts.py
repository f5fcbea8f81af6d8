"""Restarts in the middle of a stream, on the stack that `make run` starts: its supervisor starts what has died."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.conftest import Stack
from tests.end_to_end.restart_cases import RestartCases
from tests.end_to_end.system import READY_S
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(900)


class TestRestarts(RestartCases):
    """Of processes."""


def test_a_malformed_request_head_costs_nothing(stack: Stack) -> None:
    """It ends the local engine, which comes back at once with all its data."""
    ids, before = stack.counts()[1], stack.pid("clickhouse")
    address = urlsplit(stack.url("clickhouse"))
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
    wait_until(lambda: stack.pid("clickhouse") != before, READY_S, "the engine is started again")
    wait_until(lambda: stack.is_ready("query_api"), READY_S, "queries are answered again")
    assert stack.counts()[1] == ids

"""Requests, good and bad, as bytes on a connection to the real service; the real sink stores whatever was accepted."""

import json
import socket
from collections.abc import Iterator
from http import client
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.producer_api.fuzz_requests import FuzzRequest, requests
from tests.namespace import Namespace
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until

_ANSWER_S: Final = 30.0
_STORED_S: Final = 90.0
_EXAMPLES: Final = 600
_EXPECTED: Final = {200, 400, 413, 415}


def _bytes(request: FuzzRequest, *, chunked: bool) -> Iterator[bytes]:
    """The request as it is sent: head first, then the body in its chunks."""
    lines = [b"%b: %b" % header for header in request.headers]
    size = sum(map(len, request.chunks))
    lines.append(b"transfer-encoding: chunked" if chunked else b"content-length: %d" % size)
    target = b"/log" + (b"?" + request.query if request.query else b"")
    yield b"\r\n".join([b"POST %b HTTP/1.1" % target, b"host: 127.0.0.1", b"connection: close", *lines, b"", b""])
    for chunk in request.chunks:
        if chunk:
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk
    if chunked:
        yield b"0\r\n\r\n"


def _exchange(port: int, parts: Iterator[bytes]) -> tuple[int, bytes]:
    """Status and body of the answer. Fails when there is none in time."""
    with socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before its end: the answer is there
        answer = client.HTTPResponse(connection)
        try:
            answer.begin()
            return answer.status, answer.read()
        finally:
            answer.close()


def _post_them(config: pytest.Config, producer: Service) -> tuple[set[int], set[str]]:
    """The statuses that were answered, and the ids of all accepted actions."""
    statuses, ids = set[int](), set[str]()

    @settings(
        max_examples=_EXAMPLES,
        derandomize=config.getoption("--hypothesis-seed") is None,  # a seed on the command line wins
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(requests(), st.booleans())
    def post(request: FuzzRequest, chunked: bool) -> None:
        status, body = _exchange(producer.port, _bytes(request, chunked=chunked))
        said: dict[str, Any] = json.loads(body)
        statuses.add(status)
        assert status in _EXPECTED, said
        if status == 200 and "dryRun" not in said:
            assert said["accepted"] == len(said["ids"])
            ids.update(said["ids"])

    post()
    return statuses, ids


@pytest.mark.timeout(600)
def test_the_sink_stores_every_accepted_action_of_every_request_and_none_is_a_dead_letter(
    request: pytest.FixtureRequest, namespace: Namespace, start_service: StartService
) -> None:
    start_service("consumer", FLUSH_AFTER_MS="50", wait=False)
    producer = start_service("producer_api", MAX_ACTIONS="12", MAX_BODY_BYTES=str(64 * 1024))
    statuses, ids = _post_them(request.config, producer)
    assert {200, 400} <= statuses

    def stored() -> set[str]:
        return set(namespace.query("SELECT DISTINCT event_id FROM {db}.actions").split())

    wait_until(lambda: stored() >= ids, _STORED_S, "every accepted action is stored")
    assert stored() == ids
    assert namespace.query("SELECT count() FROM {db}.dead_letters") == "0"
    assert "unexpectedly" not in producer.log

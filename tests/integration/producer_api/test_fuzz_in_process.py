"""Thousands of requests, good and bad, against the ASGI application with a publisher that keeps what it is given."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.types import Message, Scope

from consumer.block import build
from contract.receipt import Receipt
from contract.record import decode
from contract.topics import record_key
from producer_api.app import ProducerApp
from producer_api.publisher import Publisher
from producer_api.reading import EncodedRecord, EncodedRecords, one_by_one
from producer_api.settings import Settings
from tests.integration.producer_api.fuzz_requests import FuzzRequest, requests

_ANSWER_S: Final = 30.0
_EXAMPLES: Final = 1_500
_EXPECTED: Final = {200, 400, 413, 415}


class Capturing(Publisher):
    """Never connects: remembers the records of the last request."""

    published: Sequence[EncodedRecord] = ()

    async def publish(self, records: Sequence[EncodedRecords]) -> Receipt | None:
        self.published = list(one_by_one(records))
        return Receipt({0: len(self.published)})


@dataclass
class Answer:
    """What the application has sent."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert self.status == 0
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")
            self.complete = not message.get("more_body", False)


class App:
    """The application as it is served, but for its publisher."""

    def __init__(self) -> None:
        configured = Settings(max_actions=12, max_body_bytes=64 * 1024)
        self.publisher = Capturing(configured)
        self._app = ProducerApp(configured, self.publisher)

    async def answer(self, request: FuzzRequest) -> Answer:
        self.publisher.published = ()
        sent, answer = _messages(request.chunks), Answer()

        async def receive() -> Message:
            return next(sent)

        async with asyncio.timeout(_ANSWER_S):
            await self._app(_scope(request), receive, answer.send)
        return answer


def _messages(chunks: Sequence[bytes]) -> Iterator[Message]:
    for n, chunk in enumerate(chunks):
        yield {"type": "http.request", "body": chunk, "more_body": n < len(chunks) - 1}


def _scope(request: FuzzRequest) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/log",
        "raw_path": b"/log",
        "query_string": request.query,
        "headers": list(request.headers),
        "client": ("127.0.0.1", 1),
        "state": {},
    }


@dataclass(frozen=True)
class Stored:
    """A record as the consumer reads it."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


def _check(request: FuzzRequest, answer: Answer, published: Sequence[EncodedRecord]) -> None:
    assert answer.status in _EXPECTED
    assert answer.complete
    assert int(answer.headers[b"content-length"]) == len(answer.body)
    said: dict[str, Any] = json.loads(answer.body)
    if answer.status != 200:
        assert answer.headers[b"content-type"] == b"application/problem+json"
        assert said["detail"]
        assert not published
        return
    _check_accepted(request, said, published)


def _check_accepted(request: FuzzRequest, said: dict[str, Any], published: Sequence[EncodedRecord]) -> None:
    indexes = [rejected["index"] for rejected in said["rejected"] if rejected["index"] is not None]
    assert indexes == sorted(set(indexes))
    assert said["accepted"] == len(said["ids"])
    if b"atomic=true" in request.query:
        assert not said["rejected"]
    if b"dryRun=true" in request.query:
        assert not published
    else:
        assert [record.event_id for record in published] == said["ids"]
        for properties in (bytes(decode(record.value).properties) for record in published):
            assert properties == b"{}" or properties in request.plain
        _check_the_sink_takes(published)


def _check_the_sink_takes(published: Sequence[EncodedRecord]) -> None:
    values = [record.value for record in published]
    assert [decode(value).event_id for value in values] == [record.event_id for record in published]
    records = [
        Stored(n, record_key(record.user_id), value)
        for n, (record, value) in enumerate(zip(published, values, strict=True))
    ]
    block = build("topic", 0, 0, len(records), records)
    assert (block.dead_letters, block.actions) == (0, len(records))


@pytest.mark.timeout(600)
def test_every_request_is_answered_and_whatever_is_accepted_is_no_dead_letter(request: pytest.FixtureRequest) -> None:
    app, statuses = App(), set[int]()
    seeded = request.config.getoption("--hypothesis-seed") is not None

    with asyncio.Runner() as runner:

        @settings(
            max_examples=_EXAMPLES,
            derandomize=not seeded,  # a seed on the command line wins
            database=None,
            deadline=None,
            report_multiple_bugs=False,  # one is enough, and soon
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(requests())
        def post(fuzzed: FuzzRequest) -> None:
            answer = runner.run(app.answer(fuzzed))
            statuses.add(answer.status)
            _check(fuzzed, answer, app.publisher.published)

        post()
    assert {200, 400} <= statuses

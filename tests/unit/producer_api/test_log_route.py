"""POST /log answers the same, whether a request comes by ASGI or arrives whole."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from kit.whole_requests import Header, WholeRequest
from producer_api import metrics
from producer_api.app import ProducerApp
from producer_api.delivery import UNKNOWN_OFFSET, OverloadedError
from producer_api.publisher import Publisher
from producer_api.reading import EncodedRecords
from producer_api.settings import Settings
from tests.waiting import wait_until_async

ACTION = {"time": "2018-10-18T21:37:30-06:00", "type": "CLICK", "id": "0190163d-8694-739b-aea5-966c26f8ad91"}
Offsets = asyncio.Future[dict[int, int]]


def envelope(*actions: Any, **changes: Any) -> bytes:
    return json.dumps({"userId": "u", "sessionId": "s", "actions": list(actions), **changes}).encode()


class FakePublisher(Publisher):
    """Keeps what is to be published. Each outcome is settled by ``settle`` at once."""

    def __init__(self, settings: Settings, settle: Callable[[Offsets], None]) -> None:
        super().__init__(settings)
        self._settle = settle
        self.published: list[bytes] = []

    def begin(self, records: Sequence[EncodedRecords]) -> Offsets:
        self.published += [value for one in records for value in one.values]
        offsets: Offsets = asyncio.get_running_loop().create_future()
        self._settle(offsets)
        return offsets


def stored(offsets: Offsets) -> None:
    offsets.set_result({3: 17})


def stored_somewhere(offsets: Offsets) -> None:
    offsets.set_result({3: UNKNOWN_OFFSET})


def never(_: Offsets) -> None:
    """Kafka does not answer."""


def overloaded(_: Offsets) -> None:
    raise OverloadedError("too much")


def broken(_: Offsets) -> None:
    raise ZeroDivisionError


class Connection:
    """Where a whole request has come from."""

    def __init__(self, target: str, headers: Sequence[Header]) -> None:
        self.url = target.encode()
        self.headers = list(headers)
        self.client: tuple[str, int] | None = ("127.0.0.1", 1)
        self.answer: httpx.Response | None = None

    def send_answer(self, status_line: bytes, headers: Sequence[Header], body: bytes, *, keep_alive: bool) -> None:
        assert self.answer is None
        self.answer = httpx.Response(int(status_line.split()[1]), headers=list(headers), content=body)


class Both:
    """The application, asked in both ways."""

    def __init__(self, settle: Callable[[Offsets], None] = stored, **settings: Any) -> None:
        self._settings = Settings(**settings)
        self.publisher = FakePublisher(self._settings, settle)
        self._app = ProducerApp(self._settings, self.publisher)

    async def by_asgi(self, body: bytes, target: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://log.example") as client:
            return await client.post(target, content=body, headers=headers)

    async def whole(self, body: bytes, target: str, headers: dict[str, str]) -> httpx.Response:
        connection = Connection(target, [(name.encode(), value.encode()) for name, value in headers.items()])
        assert self._app.answer_whole(WholeRequest(connection, b"POST", body))

        async def is_answered() -> bool:
            return connection.answer is not None

        await wait_until_async(is_answered, 5, "the request is answered")
        assert connection.answer is not None
        return connection.answer

    async def __call__(self, body: bytes, target: str = "/log", **headers: str) -> httpx.Response:
        """The answer, which is the same in both ways, and publishes the same."""
        sent = {name.replace("_", "-"): value for name, value in {"x_request_id": "r1", **headers}.items()}
        first = await self.by_asgi(body, target, sent)
        published, self.publisher.published = self.publisher.published, []
        second = await self.whole(body, target, sent)
        assert (first.status_code, first.json(), first.headers) == (second.status_code, second.json(), second.headers)
        assert len(published) == len(self.publisher.published)
        return second


async def test_valid_actions_are_published_and_answered_with_their_receipt() -> None:
    both = Both()
    answer = await both(envelope(ACTION))
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] == "r1"
    assert answer.json()["ids"] == [ACTION["id"]]
    assert answer.json()["receipt"]
    assert len(both.publisher.published) == 1


@pytest.mark.parametrize(
    ("body", "target", "status"),
    [
        (envelope(ACTION, {"type": 7}), "/log", 200),
        (envelope(ACTION, {"type": 7}), "/log?atomic=true", 400),
        (envelope(ACTION), "/log?dryRun=true", 200),
        (envelope(ACTION), "/log?nonsense=1", 400),
        (envelope(), "/log", 200),
        (envelope({"type": 7}), "/log", 400),
        (b"nonsense", "/log", 400),
        (b"x" * 2_000, "/log", 413),
    ],
)
async def test_every_kind_of_request_is_answered_the_same(body: bytes, target: str, status: int) -> None:
    both = Both(max_body_bytes=1_024)
    assert (await both(body, target)).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/html"}, 415),
        ({"content_type": "application/x-ndjson"}, 200),
        ({"idempotency_key": ""}, 400),
        ({"idempotency_key": "k"}, 200),
        ({"origin": "https://shop.example"}, 403),
        ({"content_length": "x"}, 400),
    ],
)
async def test_every_header_counts_the_same(headers: dict[str, str], status: int) -> None:
    both = Both(allowed_origins="https://blog.example")
    assert (await both(envelope(ACTION), **headers)).status_code == status


async def test_where_the_broker_does_not_say_the_offset_there_is_no_receipt() -> None:
    assert (await Both(stored_somewhere)(envelope(ACTION))).json()["receipt"] is None


async def test_what_kafka_does_not_acknowledge_in_time_is_answered_503() -> None:
    answer = await Both(never, request_timeout_s=0.15, kafka_request_timeout_ms=100)(envelope(ACTION))
    assert (answer.status_code, answer.json()["code"]) == (503, "unacknowledged")
    assert answer.headers["retry-after"]


async def test_overload_is_answered_503_and_a_bug_500_and_both_are_counted() -> None:
    before = metrics.REFUSED_REQUESTS.labels("overloaded")._value.get()
    assert (await Both(overloaded)(envelope(ACTION))).status_code == 503
    assert metrics.REFUSED_REQUESTS.labels("overloaded")._value.get() == before + 2
    assert (await Both(broken)(envelope(ACTION))).json()["code"] == "internal-error"


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        (b"GET", b"/log", (b"a", b"b")),
        (b"POST", b"/logs", (b"a", b"b")),
        (b"POST", b"/log?a#b", (b"a", b"b")),
        (b"POST", b"/log", (b"content-encoding", b"gzip")),
    ],
)
def test_what_is_no_plain_post_is_left_to_asgi(method: bytes, target: bytes, header: Header) -> None:
    settings = Settings()
    app = ProducerApp(settings, FakePublisher(settings, stored))
    connection = Connection(target.decode(), [header])
    assert not app.answer_whole(WholeRequest(connection, method, b"{}"))
    assert connection.answer is None

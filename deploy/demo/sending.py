"""Sending: envelopes to POST /log, again until they are accepted; and a few records past it, straight to Kafka."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.demo.traffic import Envelope

_MOST_ACTIONS: Final = 400  # of a request: below every limit of the producer
_GIVE_UP_S: Final = 120.0
_PAUSE_S: Final = 1.0
_ANSWER_S: Final = 15.0
_KAFKA_S: Final = 5.0
# What another program might have written to the topic: no JSON, no action, no text.
_STRAY: Final = (b"PING", b'{"user_id":"u-00000","type":"VIEW"}', b"\x1b[2J\xff\xfe")


class DemoError(Exception):
    """Why nothing can be sent; its text is for the person at the terminal."""


@dataclass(slots=True)
class Sent:
    """Actions so far: accepted, refused by the producer, and given up since it was away for too long."""

    accepted: int = 0
    refused: int = 0
    given_up: int = 0


class Sender:
    """Posts to one producer. A context manager. A request that fails is repeated: the actions' ids make it harmless."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self._session: aiohttp.ClientSession | None = None
        self.sent = Sent()
        self.trouble: str | None = None

    async def __aenter__(self) -> "Sender":
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_S))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def require_listening(self) -> None:
        """Raises DemoError when nothing answers there."""
        try:
            await self._answer("GET", "/livez", None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DemoError(f"Nothing listens at {self._url}. Start it first, in another terminal: make run") from error

    async def send(self, envelopes: Iterable[Envelope]) -> None:
        """Returns once they are accepted, refused or given up; raises DemoError when this key may not send."""
        for some in _requests(envelopes):
            await self._send(some, sum(len(envelope["actions"]) for envelope in some))

    async def _send(self, envelopes: Sequence[Envelope], actions: int) -> None:
        body = msgspec.json.encode(envelopes)
        began = time.monotonic()
        while time.monotonic() - began < _GIVE_UP_S:
            try:
                status, answer = await self._answer("POST", "/log", body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.trouble = f"{self._url} does not answer ({type(error).__name__}); trying again"
            else:
                if status in {401, 403}:
                    raise DemoError(f"POST /log refuses: {answer.get('detail')} Give a write key: --key")
                if status < 500 and status != 429:
                    self._note(status, answer, actions)
                    return
                self.trouble = f"{self._url} answers {status}: {answer.get('detail')}; trying again"
            await asyncio.sleep(_PAUSE_S)
        self.sent.given_up += actions

    def _note(self, status: int, answer: dict[str, Any], actions: int) -> None:
        self.trouble = None
        accepted = int(answer.get("accepted", 0)) if status == 200 else 0
        self.sent.accepted += accepted
        self.sent.refused += actions - accepted

    async def _answer(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, Any]]:
        assert self._session is not None  # noqa: S101 - the context manager made it
        async with self._session.request(method, f"{self._url}{path}", data=body, headers=self._headers) as response:
            text = await response.read()
        try:
            return response.status, msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            return response.status, {"detail": text[:200].decode(errors="replace")}


def _requests(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Together as many as one request may hold."""
    some: list[Envelope] = []
    actions = 0
    for envelope in envelopes:
        if not envelope["actions"]:
            continue
        if some and actions + len(envelope["actions"]) > _MOST_ACTIONS:
            yield some
            some, actions = [], 0
        some.append(envelope)
        actions += len(envelope["actions"])
    if some:
        yield some


async def write_stray_records(bootstrap: str, topic: str) -> str | None:
    """Records that are no actions, as another program might write them: the sink puts them among the dead letters.

    None when they are written, else why not: a Kafka that asks for more than an address is left alone.
    """
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=2_000)
    try:
        async with asyncio.timeout(_KAFKA_S):
            await producer.start()
            for value in _STRAY:
                await producer.send_and_wait(topic, value)
    except (KafkaError, OSError, TimeoutError) as error:
        return str(error) or type(error).__name__
    finally:
        await producer.stop()
    return None

"""Actions posted as a browser posts them, and what answers tell of the watermark."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx

from contract.receipt import Receipt
from tests.services import Service
from tests.waiting import wait_until_async

# Of a query_api, longer than elsewhere: a pause of the machine is not answered as one of Kafka's.
KAFKA_REQUEST_TIMEOUT_MS: Final = 10_000
PATIENT: Final[dict[str, Any]] = {"KAFKA_REQUEST_TIMEOUT_MS": str(KAFKA_REQUEST_TIMEOUT_MS)}


def actions(count: int, **fields: Any) -> list[dict[str, Any]]:
    """As POST /log takes them, with ids of their own; ``fields`` go into each."""
    common = {"time": "2026-11-20T12:00:00.25+02:00", "type": "CLICK", "properties": {"a": 1.0}, **fields}
    return [{"id": str(uuid.uuid4()), **common} for _ in range(count)]


async def post(client: httpx.AsyncClient, producer: Service, user: str, sent: list[dict[str, Any]]) -> str:
    """The receipt. Any client: making one takes longer than the rest."""
    body = {"userId": user, "sessionId": "s", "actions": sent}
    answer = await client.post(f"{producer.url}/log", json=body, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == len(sent)
    return str(answer.json()["receipt"])


def told(answer: httpx.Response) -> Receipt:
    """The watermark of an answer."""
    return Receipt.decode(answer.headers["actionlog-watermark"])


async def until_known(client: httpx.AsyncClient, headers: Mapping[str, str] | None = None) -> None:
    """Wait until the service knows the watermark: a Kafka that has just started has no coordinator for groups yet."""

    async def is_known() -> bool:
        answer = await client.get("/log", params={"limit": "1"}, headers=headers)
        assert answer.status_code == 200, answer.text
        return bool(answer.headers["actionlog-watermark"] != "unknown")

    await until(is_known, "the watermark is known")


async def until(condition: Callable[[], Awaitable[bool]], message: str) -> None:
    """Wait for it, with the sink's usual deadline."""
    await wait_until_async(condition, 30, message)

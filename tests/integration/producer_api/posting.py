"""Clients that post one action after another, and remember what each was answered."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

ACTION: dict[str, Any] = {"time": "2018-10-18T21:37:30-06:00", "type": "CLICK", "properties": {"a": 1}}


def body(*, user_id: str = "user", event_id: str | None = None) -> dict[str, Any]:
    """A request of one action."""
    action = {**ACTION, "id": event_id} if event_id else ACTION
    return {"userId": user_id, "sessionId": "session", "actions": [action]}


@dataclass
class Clients:
    """What the clients were told about every action they sent."""

    acknowledged: set[str] = field(default_factory=set)
    receipts: dict[str, str] = field(default_factory=dict)  # of the acknowledged, by their ids
    unanswered: set[str] = field(default_factory=set)  # the connection broke before the answer
    refused: set[str] = field(default_factory=set)  # the connection could not be made
    statuses: list[int] = field(default_factory=list)
    stopping: bool = False

    async def run_one(self, url: str, number: int) -> None:
        """Post until told to stop, or until the service takes no connection any more."""
        async with httpx.AsyncClient(timeout=30) as client:
            while not self.stopping:
                event_id = str(uuid.uuid4())
                try:
                    answer = await client.post(f"{url}/log", json=body(user_id=f"user-{number}", event_id=event_id))
                except httpx.ConnectError:
                    self.refused.add(event_id)
                    return
                except httpx.TransportError:
                    self.unanswered.add(event_id)
                    return
                self.statuses.append(answer.status_code)
                if answer.status_code == 200:
                    self.acknowledged.add(event_id)
                    self.receipts[event_id] = answer.json()["receipt"]
                else:
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def clients(url: str, count: int) -> AsyncIterator[Clients]:
    """``count`` clients posting at once, until the block ends."""
    running = Clients()
    tasks = [asyncio.create_task(running.run_one(url, number)) for number in range(count)]
    try:
        yield running
    finally:
        running.stopping = True
        await asyncio.gather(*tasks)

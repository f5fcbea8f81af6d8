"""Actions put into the table as the sink does, and a model in Python of what GET /log must answer."""

import json
import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.namespace import Namespace


@dataclass(frozen=True)
class Stored:
    """One action as a client sent it; the time in its own offset."""

    id: uuid.UUID
    user: str
    type: str
    time: datetime
    session: str = "s"
    properties: str = '{"a": 1.0}'

    @property
    def order(self) -> tuple[datetime, int, int]:
        """By time, then by id as ClickHouse orders UUIDs: by the second half first."""
        return self.time, self.id.int & (2**64 - 1), self.id.int >> 64

    def answered(self) -> dict[str, Any]:
        """What GET /log says of it."""
        return {
            "id": str(self.id),
            "userId": self.user,
            "sessionId": self.session,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "type": self.type,
            "properties": json.loads(self.properties),
        }


def insert(namespace: Namespace, actions: Iterable[Stored]) -> None:
    """One INSERT by the sink's user: one part per month."""
    lines = "\n".join(json.dumps(_row(offset, action)) for offset, action in enumerate(actions))
    namespace.infra.query(f"INSERT INTO {namespace.database}.actions FORMAT JSONEachRow\n{lines}", "writer")


def _row(offset: int, action: Stored) -> dict[str, Any]:
    shift = action.time.utcoffset() or timedelta()
    return {
        "event_id": str(action.id),
        "user_id": action.user,
        "session_id": action.session,
        "type": action.type,
        "time": f"{action.time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",
        "utc_offset_minutes": shift // timedelta(minutes=1),
        "received_at": "2026-01-01 00:00:00.000000",
        "properties": action.properties,
        "partition": 0,
        "offset": offset,
    }


# From the first year to the last, on both sides of where 32-bit seconds end, and of month and hour ends.
MOMENTS = (
    "1970-01-01T00:00:00",
    "1971-05-05T05:05:05.000005",
    "2013-10-18T23:59:59.999999",
    "2013-10-31T23:30:00",
    "2013-11-01T00:00:00",
    "2018-10-18T21:37:30",
    "2026-02-28T12:00:00",
    "2026-02-28T12:59:59.999999",
    "2026-02-28T13:00:00",
    "2106-02-07T06:28:15",
    "2106-02-07T06:28:17",
    "2150-01-01T05:00:00",
    "2199-12-31T23:59:59.999999",
)
USERS = ("ABC", "abc", "é", "u1")
TYPES = ("CLICK", "VIEW", "NAVIGATE")


def generated(count: int, seed: int) -> list[Stored]:
    """Many at equal times, differing only in id."""
    chance = random.Random(seed)
    return [_generated(chance) for _ in range(count)]


def _generated(chance: random.Random) -> Stored:
    moment = datetime.fromisoformat(chance.choice(MOMENTS)).replace(tzinfo=UTC)
    if chance.random() < 0.3 and 1970 < moment.year < 2199:
        moment += timedelta(microseconds=chance.randrange(-(10**12), 10**12))
    offset = timezone(timedelta(minutes=chance.choice((0, 0, -360, 345, 1439, -1439))))
    identity = uuid.UUID(int=chance.getrandbits(128))
    return Stored(identity, chance.choice(USERS), chance.choice(TYPES), moment.astimezone(offset))


def newest_first(actions: Iterable[Stored]) -> list[Stored]:
    return sorted(actions, key=lambda action: action.order, reverse=True)


def selected(actions: Iterable[Stored], parameters: dict[str, str]) -> list[Stored]:
    """The model: what the parameters ask for, newest first."""
    start = datetime.fromisoformat(parameters.get("startTime", "0001-01-01T00:00:00+00:00"))
    end = datetime.fromisoformat(parameters.get("endTime", "9999-12-31T00:00:00+00:00"))
    return newest_first(
        action
        for action in actions
        if parameters.get("userId", action.user) == action.user
        and parameters.get("type", action.type) == action.type
        and start <= action.time < end
    )


def answered(actions: Sequence[Stored]) -> list[dict[str, Any]]:
    return [action.answered() for action in actions]

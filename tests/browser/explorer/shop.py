"""A day of a small shop, as actions in the table: the same for every run, up to the moment at which it ends."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.integration.query_api.actions import Stored

USERS: Final = ("ada", "bob", "cem", "dana", "eli", "finn")
_PAGES: Final = ("home", "shoes", "socks", "hats", "cart", "checkout")
_WAY: Final = ("VIEW", "CLICK", "VIEW", "NAVIGATE", "CLICK", "SEARCH", "VIEW", "ADD_TO_CART", "NAVIGATE", "PURCHASE")


def day(sessions: int = 100, seed: int = 8) -> list[Stored]:
    """``sessions`` ways of ten actions at most through the shop in the last 24 hours, newest first."""
    chance = random.Random(seed)
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
    actions = [action for number in range(sessions) for action in _session(chance, number, end)]
    return sorted(actions, key=lambda action: action.order, reverse=True)


def _session(chance: random.Random, number: int, end: datetime) -> Iterator[Stored]:
    user, length = chance.choice(USERS), chance.randint(3, len(_WAY))
    first = end - timedelta(hours=24) * chance.random()
    for step, type_ in enumerate(_WAY[:length]):
        moment = min(first + timedelta(seconds=20 * step, milliseconds=chance.randrange(1000)), end)
        identity = uuid.UUID(int=chance.getrandbits(128), version=4)
        properties = json.dumps(_properties(chance, type_))
        yield Stored(identity, user, type_, moment, f"s{number}", properties)


def _properties(chance: random.Random, type_: str) -> dict[str, Any]:
    page = chance.choice(_PAGES)
    made: dict[str, dict[str, Any]] = {
        "VIEW": {"page": page, "ms": chance.randint(20, 900)},
        "CLICK": {"page": page, "locationX": chance.randint(0, 1400), "locationY": chance.randint(0, 900)},
        "NAVIGATE": {"pageFrom": page, "pageTo": chance.choice(_PAGES)},
        "SEARCH": {"text": chance.choice(("red shoes", "wool socks", "a hat")), "results": chance.randint(0, 40)},
        "ADD_TO_CART": {"item": {"id": f"p{chance.randint(1, 30)}", "price": chance.randint(5, 90) + 0.5}},
        "PURCHASE": {"cart": {"total": chance.randint(10, 200) + 0.25, "items": chance.randint(1, 5)}, "paid": True},
    }
    return made[type_]

"""A ClickHouse in memory that errs as the real one does: its deduplication log is written before the rows.

tests/integration/consumer runs the same promises on the real one.
"""

from collections.abc import Iterator
from enum import Enum

from consumer.block import SubBlock
from consumer.errors import StoreUnavailable
from consumer.store import Presence


class Fate(Enum):
    """What becomes of one request."""

    ANSWERED = "stored (or dropped by its token) and answered"
    LOST_REQUEST = "never arrived"
    LOST_ANSWER = "stored (or dropped), the answer was lost"
    HOLE = "killed between deduplication log and rename: the token is known, the rows are not there"


class FakeClickHouse:
    """Rows and tokens of one table. ``fates`` decides over each request in turn; afterwards all are answered."""

    def __init__(self, fates: Iterator[Fate]) -> None:
        self.rows: list[str] = []
        self.tokens: set[str] = set()
        self.fates = fates

    async def insert(self, part: SubBlock, token: str) -> None:
        fate = next(self.fates, Fate.ANSWERED)
        if fate is Fate.LOST_REQUEST:
            raise StoreUnavailable("connection refused")
        if token not in self.tokens:
            self.tokens.add(token)
            if fate is not Fate.HOLE:
                self.rows.extend(part.event_ids)
        if fate is not Fate.ANSWERED:
            raise StoreUnavailable("connection closed")

    async def kill(self, token: str) -> None:
        self._may_fail()

    async def presence(self, part: SubBlock) -> Presence:
        self._may_fail()
        found = set(self.rows) & set(part.event_ids)
        if found == set(part.event_ids):
            return Presence.ALL
        return Presence.SOME if found else Presence.NONE

    def _may_fail(self) -> None:
        if next(self.fates, Fate.ANSWERED) is not Fate.ANSWERED:
            raise StoreUnavailable("connection closed")

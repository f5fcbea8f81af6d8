"""A ClickHouse in memory that errs as the real one does: its deduplication log is written before the rows.

tests/integration/consumer runs the same promises on the real one.
"""

from collections.abc import Iterator
from enum import Enum

from consumer.block import SubBlock
from consumer.errors import RefusedData, StoreUnavailable
from consumer.store import Presence
from contract.tables import ACTIONS

VIOLATED_CONSTRAINT = 469


class Fate(Enum):
    """What becomes of one request."""

    ANSWERED = "stored (or dropped) and answered, or refused"
    LOST_REQUEST = "never arrived"
    LOST_ANSWER = "stored (or dropped, or refused), the answer was lost"
    HOLE = "killed between deduplication log and rename: the token is known, the rows are not there"


class FakeClickHouse:
    """Rows and tokens of the two tables. ``fates`` decides over each request in turn; afterwards all are answered.

    rows, letters   ids in the table of actions and of dead letters
    refused         ids of actions that the table's rules refuse
    inserts         each insert that was sent, with its token
    """

    def __init__(self, fates: Iterator[Fate], refused: frozenset[str] = frozenset()) -> None:
        self.rows: list[str] = []
        self.letters: list[str] = []
        self.tokens: set[str] = set()
        self.fates = fates
        self.refused = refused
        self.inserts: list[tuple[SubBlock, str]] = []

    async def insert(self, part: SubBlock, token: str) -> None:
        self.inserts.append((part, token))
        fate = next(self.fates, Fate.ANSWERED)
        if fate is Fate.LOST_REQUEST:
            raise StoreUnavailable("connection refused")
        is_refused = part.table == ACTIONS and not self.refused.isdisjoint(part.event_ids)
        if not is_refused and token not in self.tokens:
            self.tokens.add(token)
            if fate is not Fate.HOLE:
                self._table(part).extend(part.event_ids)
        if fate is not Fate.ANSWERED:
            raise StoreUnavailable("connection closed")
        if is_refused:
            raise RefusedData("Constraint `rule` is violated", VIOLATED_CONSTRAINT)

    async def kill(self, token: str) -> None:
        self._may_fail()

    async def presence(self, part: SubBlock) -> Presence:
        self._may_fail()
        found = set(self._table(part)) & set(part.event_ids)
        if found == set(part.event_ids):
            return Presence.ALL
        return Presence.SOME if found else Presence.NONE

    def _table(self, part: SubBlock) -> list[str]:
        return self.rows if part.table == ACTIONS else self.letters

    def _may_fail(self) -> None:
        if next(self.fates, Fate.ANSWERED) is not Fate.ANSWERED:
            raise StoreUnavailable("connection closed")

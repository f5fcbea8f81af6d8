"""ClickHouse as the sink's store meets it. Every behaviour is one that was measured on the real engine (FACTS B0-B6):

B0.1  The token is written to the deduplication log before the rows appear. Killed in between, the token is known and
      the rows are not there; a repeat is answered 200 and stores nothing.
B0.1  An insert without a token is deduplicated by the hash of its bytes.
B0.2  An insert into several months is neither atomic nor isolated: one month after another.
B0.3, B4  What has been answered survives every kill, its token too.
B1    Other bytes under a known token are dropped as well.
B2    The log's key is (month, token); it holds the last ``window`` of them.
B3    Inside one month an insert is one block: all of it or nothing.
B4    An insert that was under way at a kill may be absent or present.
B11   KILL QUERY ... SYNC ends what runs under a query id and waits; what has not arrived yet it cannot see.
B11   Without it an insert whose sender has stopped in the middle of its body goes on waiting.
      A second query under a running query id is refused (code 216), which the store translates to StoreUnavailable.
      ReplacingMergeTree keeps, of the rows with one key, the one that was inserted last, whenever it merges.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from consumer.block import SubBlock
from consumer.errors import RefusedData, StoreUnavailable
from consumer.settings import Settings
from consumer.store import Presence, Store
from contract.tables import ACTIONS, ROW_COLUMNS
from tests.unit.consumer.model.network import Kind, Link, Program

_rows_of = msgspec.json.Decoder(list[Any]).decode_lines


def _month(time: str) -> int:
    moment = datetime.fromisoformat(time)
    return moment.year * 100 + moment.month


@dataclass(frozen=True, slots=True)
class Row:
    """One stored row; ``month`` is its ClickHouse partition, 0 in the table of dead letters."""

    table: str
    month: int
    event_id: str
    partition: int
    offset: int


class Attempt:
    """An insert that has arrived and writes, step by step: a token, its rows, the next month's token, its rows."""

    def __init__(self, query_id: str, writing: Program[None]) -> None:
        self.query_id = query_id
        self.error: Exception | None = None
        self.over = False
        self._writing = writing
        self._inside_a_month = False

    def step(self) -> None:
        try:
            next(self._writing)
            self._inside_a_month = not self._inside_a_month
        except StopIteration:
            self.over = True
        except RefusedData as error:
            self.error, self.over = error, True

    def kill(self) -> None:
        """KILL QUERY SYNC: what is between token and rows gets there, then nothing more is written."""
        if self._inside_a_month:
            self.step()
        self.die("394: killed")

    def die(self, reason: str) -> None:
        self.error, self.over = StoreUnavailable(reason), True


class Engine:
    """One server: rows, deduplication log, running inserts. It knows nothing of other shards.

    offsets_of_ids  tells where a dead letter's record stands
    poison          ids of actions that the tables' rules refuse
    """

    def __init__(self, offsets_of_ids: dict[str, int], window: int, poison: set[str] | None = None) -> None:
        self.rows: list[Row] = []
        self.inserted: Counter[tuple[int, int]] = Counter()  # every row ever made visible, by partition and offset
        self.poison: set[str] = set() if poison is None else poison
        self.torn: set[str] = set()  # tokens of inserts of which a reader could see a part
        self._offsets_of_ids = offsets_of_ids
        self._window = window
        self._tokens: dict[tuple[str, int, str], None] = {}
        self._attempts: list[Attempt] = []

    @property
    def _running(self) -> list[Attempt]:
        self._attempts = [attempt for attempt in self._attempts if not attempt.over]
        return self._attempts

    def insert(self, part: SubBlock, token: str, query_id: str) -> Program[None]:
        """Pauses when it has arrived, and after each step of its writing."""
        if any(attempt.query_id == query_id for attempt in self._running):
            raise StoreUnavailable(f"216: {query_id} is running")
        attempt = Attempt(query_id, self._write(part, token or f"hash of {part.body!r}"))
        self._attempts.append(attempt)
        yield
        while not attempt.over:
            attempt.step()
            if not attempt.over:
                yield
        if attempt.error is not None:
            raise attempt.error

    def _write(self, part: SubBlock, token: str) -> Program[None]:
        if self.poison.intersection(part.event_ids):
            raise RefusedData("cannot parse", 27)
        rows = self._rows(part)
        months = sorted({row.month for row in rows})
        for month in months:
            key = (part.table, month, token)
            if key in self._tokens:
                continue
            self._remember(key)
            yield
            self._show([row for row in rows if row.month == month])
            if month != months[-1]:
                self.torn.add(token)
            yield

    def _remember(self, key: tuple[str, int, str]) -> None:
        self._tokens[key] = None
        while len(self._tokens) > self._window:
            del self._tokens[next(iter(self._tokens))]

    def _show(self, rows: Sequence[Row]) -> None:
        self.rows.extend(rows)
        self.inserted.update((row.partition, row.offset) for row in rows)

    def _rows(self, part: SubBlock) -> list[Row]:
        if part.table != ACTIONS:
            return [Row(part.table, 0, key, part.partition, self._offsets_of_ids[key]) for key in part.event_ids]
        rows = [dict(zip(ROW_COLUMNS, row, strict=True)) for row in _rows_of(part.body)]
        return [Row(ACTIONS, _month(row["time"]), row["event_id"], row["partition"], row["offset"]) for row in rows]

    def kill(self, prefix: str) -> Program[None]:
        for attempt in self._running:
            if attempt.query_id.startswith(prefix):
                attempt.kill()
        return
        yield

    def restart(self) -> None:
        """SIGKILL and start: what runs ends where it stands, all else is on disk."""
        for attempt in self._running:
            attempt.die("the connection was cut")

    def presence(self, part: SubBlock) -> Program[Presence]:
        """As consumer.store: found at its own position, or, merged into a later copy, anywhere in the table."""
        wanted = set(part.event_ids)
        mine = [row for row in self.rows if row.table == part.table]
        here = wanted & {
            row.event_id for row in mine if row.partition == part.partition and part.start <= row.offset < part.end
        }
        if wanted <= here | {row.event_id for row in mine}:
            return Presence.ALL
        return Presence.SOME if here else Presence.NONE
        yield

    def known(self, partition: int) -> Program[bool]:
        return any(row.partition == partition for row in self.rows)
        yield

    def merge(self) -> None:
        """Of equal keys, the row inserted last stays."""
        self.rows = list({(row.table, row.month, row.event_id): row for row in self.rows}.values())

    def ping(self) -> Program[None]:
        return
        yield


class ModelStore(Store):
    """The store's verbs over the fake engine: each is one request."""

    def __init__(self, settings: Settings, engine: Engine, link: Link) -> None:
        super().__init__(settings)
        self._engine = engine
        self._link = link

    async def open(self) -> None:
        await self._link.ask(Kind.OPEN, self._engine.ping())

    async def close(self) -> None:
        """Nothing is held."""

    async def ping(self) -> None:
        await self._link.ask(Kind.OPEN, self._engine.ping())

    async def insert(self, part: SubBlock, token: str) -> None:
        await self._link.ask(Kind.INSERT, self._engine.insert(part, token, query_id=token))

    async def kill(self, token: str) -> None:
        await self._link.ask(Kind.KILL, self._engine.kill(token))

    async def known(self, partition: int) -> bool:
        return await self._link.ask(Kind.PRESENCE, self._engine.known(partition))

    async def presence(self, part: SubBlock) -> Presence:
        return await self._link.ask(Kind.PRESENCE, self._engine.presence(part))

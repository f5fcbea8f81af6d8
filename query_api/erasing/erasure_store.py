"""Erasures as ClickHouse keeps them: what was asked for and how far it is, and the rows that are meant, on every shard.

They are written down on the first shard alone, in its local table: one place, which readers reach through all shards'
tables too.
"""

import uuid
from collections.abc import Mapping
from typing import Final

import msgspec

from contract.tables import ERASURES
from query_api.erasing.erased_rows import STEP_TIMEOUT_S, ErasedRows, EraserStore, bounds_map
from query_api.erasing.erasure import Erasure, Found, State
from query_api.query import Query, Value
from query_api.settings import Settings
from query_api.store import result_decoder
from query_api.work import Work

_MOST_UNFINISHED: Final = 1_000
_NONE: Final = -1  # a moment that is none, as a parameter


class _Row(msgspec.Struct, array_like=True, frozen=True):
    """One erasure as ``_SELECT`` answers it; states by their numbers."""

    id: uuid.UUID
    state: State
    user_id: str
    requested_by: str
    log_ends: dict[int, int]
    foreign_until_us: int | None
    kafka_until_ms: int | None
    at_ms: dict[State, int]
    rows: int


_rows = result_decoder(_Row)
_SELECT: Final = f"""
SELECT id, max(state), anyIf(user_id, state = 'requested'), anyIf(requested_by, state = 'requested'),
    anyIf(log_ends, state = 'requested'), toUnixTimestamp64Micro(anyIf(foreign_until, state = 'requested')),
    toUnixTimestamp64Milli(anyIf(kafka_until, state = 'requested')),
    minMap(map(toString(state), toUnixTimestamp64Milli(at))), sum(rows)
FROM {ERASURES}
"""


class ErasureStore:
    """Every method is idempotent and raises StoreError, also when one shard of several is away."""

    def __init__(self, settings: Settings) -> None:
        self._notes = EraserStore(settings, shard=settings.shard_urls[0])
        self._rows = [ErasedRows(settings, url) for url in settings.shard_urls]
        self._all = EraserStore(settings)
        self._topic = settings.kafka_topic

    async def close(self) -> None:
        for store in (self._notes, self._all, *self._rows):
            await store.close()

    async def find(self, user_id: str) -> list[Found]:
        """Where rows of the user stand."""
        return [found for rows in self._rows for found in await rows.find(user_id)]

    async def register(self, erasure: Erasure) -> None:
        """Once it answers, the erasure outlives everything."""
        values: dict[str, Value] = {
            "id": str(erasure.id),
            "user_id": erasure.user_id,
            "requested_by": erasure.requested_by,
            "topic": self._topic,
            "log_ends": bounds_map(erasure.log_ends),
            "foreign_until": _NONE if erasure.foreign_until_us is None else erasure.foreign_until_us,
            "kafka_until": _NONE if erasure.kafka_until_ms is None else erasure.kafka_until_ms,
            "at": erasure.at_ms[State.REQUESTED],
        }
        await self._notes.run(
            f"INSERT INTO {ERASURES}\n"
            "(id, state, user_id, requested_by, topic, log_ends, foreign_until, kafka_until, at)\n"
            "SELECT {id:UUID}, 'requested', {user_id:String}, {requested_by:String}, {topic:String},\n"
            "    {log_ends:Map(UInt32, UInt64)}, fromUnixTimestamp64Micro(nullIf({foreign_until:Int64}, -1), 'UTC'),\n"
            "    fromUnixTimestamp64Milli(nullIf({kafka_until:Int64}, -1), 'UTC'),\n"
            "    fromUnixTimestamp64Milli({at:Int64}, 'UTC')",
            values,
        )

    async def note(self, erasure: Erasure, state: State, rows: int = 0) -> None:
        await self._notes.run(
            f"INSERT INTO {ERASURES} (id, state, rows) SELECT {{id:UUID}}, {{state:String}}, {{rows:UInt64}}",
            {"id": str(erasure.id), "state": state.value, "rows": rows},
        )

    async def read(self, receipt: uuid.UUID) -> Erasure | None:
        query = Query(f"{_SELECT}WHERE id = {{id:UUID}}\nGROUP BY id", {"id": str(receipt)})
        found = await self._notes.fetch(query, Work(STEP_TIMEOUT_S), _rows)
        return _erasure(found[0]) if found else None

    async def unfinished(self) -> list[Erasure]:
        """Those of this topic that are not ``removed``: first what may still be read, then the oldest first."""
        text = (
            f"{_SELECT}GROUP BY id\n"
            "HAVING max(state) < 'removed' AND anyIf(topic, state = 'requested') = {topic:String}\n"
            f"ORDER BY max(state) >= 'settled', min(at) LIMIT {_MOST_UNFINISHED}"
        )
        return [
            _erasure(row)
            for row in await self._notes.fetch(Query(text, {"topic": self._topic}), Work(STEP_TIMEOUT_S), _rows)
        ]

    async def hide(self, erasure: Erasure, bounds: Mapping[int, int]) -> int:
        """Delete what is meant and visible, below these offsets; how many rows that were."""
        await self._all.require_all_shards(Work(STEP_TIMEOUT_S))
        return sum([await rows.hide(erasure, bounds) for rows in self._rows])

    async def left(self, erasure: Erasure) -> int:
        """Rows that the parts still hold, masked ones too."""
        return sum([await rows.left(erasure) for rows in self._rows])

    async def remove(self, erasure: Erasure) -> None:
        """Have ClickHouse write the parts anew without what is masked, months with rows of this user only."""
        for rows in self._rows:
            await rows.remove(erasure)


def _erasure(row: _Row) -> Erasure:
    return Erasure(
        row.id,
        row.user_id,
        row.requested_by,
        row.log_ends,
        row.foreign_until_us,
        row.kafka_until_ms,
        row.at_ms,
        row.state,
        row.rows,
    )

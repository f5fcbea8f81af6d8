"""The rows that an erasure means, on one server: found, hidden, removed, by a user who may delete rows.

Deleting is a lightweight DELETE: it hides rows at once, in a mask. Merges leave them out when they write a part anew.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from contract.tables import ACTIONS, BEFORE_REBUILD, DEAD_LETTERS
from query_api.erasing.erasure import Erasure, Found
from query_api.errors import StoreRefused
from query_api.query import Query, Value
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

STEP_TIMEOUT_S: Final = 60.0  # a DELETE that takes longer goes on in ClickHouse; the next step finds what it has done
_PARTITION_ID: Final = re.compile(r"[\w-]+").fullmatch
# Every table that holds actions of users; the letters are those with the user as their key.
_TABLES: Final = (ACTIONS, BEFORE_REBUILD, DEAD_LETTERS)

_EXISTING: Final = f"SELECT name FROM system.tables WHERE database = currentDatabase() AND name IN {_TABLES}"

_names = result_decoder(tuple[str])
_found = result_decoder(tuple[int, int, int])
_counts = result_decoder(tuple[str, int])


class EraserStore(Store):
    """A store as the eraser's user, which may write too."""

    def __init__(self, settings: Settings, *, shard: str | None = None) -> None:
        password = settings.eraser_password
        user = {"clickhouse_user": settings.eraser_user} | ({"clickhouse_password": password} if password else {})
        bounded = {**user, "query_timeout_ms": int(STEP_TIMEOUT_S * 1000)}
        super().__init__(settings.model_copy(update=bounded), shard=shard)

    async def run(self, statement: str, values: Mapping[str, Value]) -> None:
        await self._answer(statement, Query(statement, values), Work(STEP_TIMEOUT_S), may_repeat=False)
        self._note_success()

    def _bounds(self, timeout_s: float) -> dict[str, Any]:
        return {
            "max_execution_time": round(timeout_s, 3),
            "wait_end_of_query": 1,
            "async_insert": 0,
            "insert_deduplicate": 0,  # a repeat must be written: an earlier one may be lost
            "lightweight_deletes_sync": 2,
            "mutations_sync": 2,
            "output_format_json_quote_64bit_integers": 0,
        }


class ErasedRows(EraserStore):
    """Those of one shard. Every method is idempotent and raises StoreError."""

    def __init__(self, settings: Settings, shard: str) -> None:
        super().__init__(settings, shard=shard)
        self._topic = settings.kafka_topic

    async def find(self, user_id: str) -> list[Found]:
        """Where rows of the user stand."""
        text = (
            "SELECT partition, max(offset) + 1, toUnixTimestamp64Micro(max(received_at))\n"
            f"FROM {ACTIONS} WHERE user_id = {{user_id:String}} GROUP BY partition"
        )
        rows = await self.fetch(Query(text, {"user_id": user_id}), Work(STEP_TIMEOUT_S), _found)
        return [Found(*row) for row in rows]

    async def hide(self, erasure: Erasure, bounds: Mapping[int, int]) -> int:
        """Delete what is meant and visible, below these offsets; how many rows that were."""
        hidden = 0
        for table in await self._tables():
            condition, values = self._meant(table, erasure, bounds)
            for partition_id, rows in await self._by_partition(table, condition, values, masked=False):
                await self.run(f"DELETE FROM {table} IN PARTITION ID '{partition_id}' WHERE {condition}", values)
                hidden += rows
        return hidden

    async def left(self, erasure: Erasure) -> int:
        """Rows that the parts still hold, masked ones too."""
        return sum(rows for _, _, rows in await self._held(erasure))

    async def remove(self, erasure: Erasure) -> None:
        """Have ClickHouse write the parts anew without what is masked, months with rows of this user only."""
        for table, partition_id, _ in await self._held(erasure):
            await self.run(f"ALTER TABLE {table} APPLY DELETED MASK IN PARTITION ID '{partition_id}'", {})

    async def _held(self, erasure: Erasure) -> list[tuple[str, str, int]]:
        held = []
        for table in await self._tables():
            condition, values = self._meant(table, erasure, erasure.log_ends)
            whose = condition.split(" AND ", 1)[0]
            condition = f"{condition} OR {whose} AND _row_exists = 0"
            held += [(table, *found) for found in await self._by_partition(table, condition, values, masked=True)]
        return held

    def _meant(self, table: str, erasure: Erasure, bounds: Mapping[int, int]) -> tuple[str, dict[str, Value]]:
        """The condition on the rows that are meant, beginning with whose they are, and what it binds."""
        values: dict[str, Value] = {"user_id": erasure.user_id, "bounds": bounds_map(bounds)}
        values["received_before"] = erasure.received_before_us
        received = "recorded_at" if table == DEAD_LETTERS else "received_at"
        below = (
            "offset < {bounds:Map(UInt32, UInt64)}[partition]"
            f" AND {received} < fromUnixTimestamp64Micro({{received_before:Int64}}, 'UTC')"
        )
        if table == DEAD_LETTERS:
            return f"key = {{user_id:String}} AND topic = {{topic:String}} AND {below}", values | {"topic": self._topic}
        if erasure.foreign_until_us is None:
            return f"user_id = {{user_id:String}} AND {below}", values
        values |= {"ends": bounds_map(erasure.log_ends), "foreign_until": erasure.foreign_until_us}
        foreign = (
            "offset >= {ends:Map(UInt32, UInt64)}[partition]"
            " AND received_at <= fromUnixTimestamp64Micro({foreign_until:Int64}, 'UTC')"
        )
        return f"user_id = {{user_id:String}} AND ({below} OR {foreign})", values

    async def _by_partition(
        self, table: str, condition: str, values: Mapping[str, Value], *, masked: bool
    ) -> list[tuple[str, int]]:
        """Of each ClickHouse partition: how many such rows; ``masked``: with those that are deleted already."""
        text = f"SELECT _partition_id, count() FROM {table} WHERE {condition} GROUP BY _partition_id ORDER BY 1"
        if masked:
            text += " SETTINGS apply_deleted_mask = 0"
        found = await self.fetch(Query(text, values), Work(STEP_TIMEOUT_S), _counts)
        if any(not _PARTITION_ID(partition_id) for partition_id, _ in found):
            raise StoreRefused("ClickHouse has a partition with a strange name")
        return found

    async def _tables(self) -> list[str]:
        there = {name for (name,) in await self.fetch(Query(_EXISTING, {}), Work(STEP_TIMEOUT_S), _names)}
        return [table for table in _TABLES if table in there]


def bounds_map(numbers: Mapping[int, int]) -> str:
    """As ClickHouse reads a Map in a parameter."""
    return "{" + ",".join(f"{key}:{value}" for key, value in numbers.items()) + "}"

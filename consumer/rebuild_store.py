"""ClickHouse as a rebuild sees it: a second table beside ``actions``, a pause of inserts, and the swap.

Needs more rights than the sink's user: CREATE, ALTER, DROP TABLE and KILL QUERY, which the user of deploy.setup has.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Final

import msgspec

from consumer.books import REBUILT, Books, Id, Row, id_of, text_of
from consumer.erased import Erased
from contract.tables import ACTIONS, BEFORE_REBUILD

BEFORE: Final = BEFORE_REBUILD
# No part is ever few enough: every insert is refused with TOO_MANY_PARTS, which the sink waits out. Reads go on.
_PAUSED: Final = "max_parts_in_total = 0"
_IDS_PER_DELETE: Final = 3_000
_STRETCH: Final = 500_000  # offsets whose ids are compared at once
_POSITION_IN: Final = "partition = {partition:UInt32} AND offset >= {start:UInt64} AND offset < {end:UInt64}"


class RebuildStore(Books):
    """Every method is idempotent. Raises StoreUnavailable and StoreRefused."""

    async def tables(self) -> dict[str, str]:
        """The tables of a rebuild that exist: name → DDL."""
        answer = await self._text(
            "SELECT name, create_table_query FROM system.tables"
            " WHERE database = currentDatabase() AND name IN {names:Array(String)}",
            {"names": [ACTIONS, REBUILT, BEFORE]},
        )
        return dict(line.split("\t", 1) for line in answer.splitlines())

    async def views(self) -> list[str]:
        """What is fed by inserts into ``actions``: it would stay bound to the old table."""
        answer = await self._text(
            "SELECT arrayJoin(dependencies_table) FROM system.tables"
            " WHERE database = currentDatabase() AND name = {name:String}",
            {"name": ACTIONS},
        )
        return answer.split()

    async def create(self) -> None:
        """The new table, with the old one's columns, indexes and settings."""
        await self._do(f"CREATE TABLE IF NOT EXISTS {REBUILT} AS {ACTIONS}")

    async def drop(self, table: str) -> None:
        await self._do(f"DROP TABLE IF EXISTS {_known(table)} SYNC")

    async def pause(self) -> None:
        """From its answer on no insert begins in ``actions``; then wait for those that had begun, and end slow ones."""
        await self._do(f"ALTER TABLE {ACTIONS} MODIFY SETTING {_PAUSED}")
        paused = time.monotonic()
        while await self._inserts_older_than(time.monotonic() - paused):
            if time.monotonic() - paused > _SLOW_INSERT_S:
                await self._do(f"KILL QUERY WHERE {_FOREIGN_INSERT} SYNC")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def resume(self) -> None:
        """Inserts into ``actions`` go on, under the limit that it had before: the new table is its copy."""
        tables = await self.tables()
        if is_paused(tables.get(ACTIONS, "")):
            before = re.search(r"\bmax_parts_in_total = \d+", tables.get(REBUILT, ""))
            change = f"MODIFY SETTING {before[0]}" if before else "RESET SETTING max_parts_in_total"
            await self._do(f"ALTER TABLE {ACTIONS} {change}")

    async def exchange(self) -> None:
        """Atomically: whoever reads or inserts meets one of the two, and a begun query stays with its own."""
        await self._do(f"EXCHANGE TABLES {ACTIONS} AND {REBUILT}")

    async def keep_old(self) -> None:
        """After the exchange the old table has the new one's name."""
        await self._do(f"RENAME TABLE {REBUILT} TO {BEFORE}")

    async def end_earlier_attempts(self, prefix: str) -> None:
        """Inserts of a rebuild that was killed may still run."""
        await self._do(
            "KILL QUERY WHERE startsWith(query_id, {prefix:String}) AND user = currentUser() SYNC", {"prefix": prefix}
        )

    async def only_in_old(
        self, partition: int, start: int, end: int, limit: int, erased: Erased
    ) -> tuple[int, list[Row]]:
        """Rows of ``actions`` at ``[start, end)`` whose ids the new table does not have: how many, and some of them.

        Rows that are hidden, or are to be, are not missed.
        """
        top = await self._number(f"max(offset) + 1 FROM {ACTIONS} WHERE {_POSITION_IN}", _at(partition, start, end))
        count, some = 0, list[Row]()
        for first in range(start, min(end, top), _STRETCH):
            at = _at(partition, first, min(first + _STRETCH, end))
            new = f"SELECT event_id FROM {REBUILT} WHERE {_POSITION_IN}"  # noqa: S608 - names are ours
            where = f"{ACTIONS} WHERE {_POSITION_IN} AND _row_exists = 1 AND event_id NOT IN ({new})"
            rows = await self._not_erased(where, at, partition, erased)
            places = await self.places((row.event_id for row in rows), None, REBUILT) if rows else {}
            lost = [row for row in rows if row.event_id not in places]
            count += len(lost)
            some += lost[: limit - len(some)]
        return count, some

    async def _not_erased(self, where: str, at: Mapping[str, object], partition: int, erased: Erased) -> list[Row]:
        found = await self._lines(
            f"SELECT offset, toString(event_id), user_id, toUnixTimestamp64Micro(received_at) FROM {where}",  # noqa: S608
            dict(at),
        )
        return [
            Row(offset, id_of(event_id))
            for offset, event_id, user_id, received_us in found
            if not erased.covers(user_id, partition, offset, received_us)
        ]

    async def erase_requested(self, table: str, erased: Erased, committed: Mapping[int, int]) -> int:
        """Delete what was asked for, below the sink's committed offsets; how many rows were there."""
        deleted = 0
        for user_id in await self._users_in(table, erased):
            for erasure in erased.of_user[user_id]:
                bounds = {number: min(end, committed.get(number, 0)) for number, end in erasure.log_ends.items()}
                values = {"user": user_id, "bounds": _map(bounds), "received_before": erasure.received_before_us}
                rows = int(await self._text(f"SELECT count() FROM {table} WHERE {_ERASED}", values))  # noqa: S608
                if rows:
                    await self._do(f"DELETE FROM {table} WHERE {_ERASED}", values)  # noqa: S608
                    deleted += rows
        return deleted

    async def _users_in(self, table: str, erased: Erased) -> list[str]:
        """Those of the erased users who have visible rows in the table."""
        users, found = sorted(erased.of_user), set[str]()
        for first in range(0, len(users), _USERS_PER_LOOKUP):
            answer = await self._read(
                f"SELECT DISTINCT user_id FROM {table} WHERE user_id IN {{users:Array(String)}}",  # noqa: S608
                {"users": users[first : first + _USERS_PER_LOOKUP]},
                "JSONCompactEachRow",
            )
            found |= {user_id for (user_id,) in map(msgspec.json.decode, answer.splitlines())}
        return sorted(found)

    async def erase_again(self, done: set[Id]) -> None:
        """Take out of the new table what is erased in the old one, but for ids that are ``done``; these are now, too.

        Only what still stands there masked: rows whose erasure was merged come back from the topic.
        """
        erased = {row.event_id for row in await self._positions(f"{ACTIONS} WHERE _row_exists = 0", {})}
        ids = sorted(erased - done)
        for first in range(0, len(ids), _IDS_PER_DELETE):
            await self._erase(ids[first : first + _IDS_PER_DELETE])
        done |= erased

    async def _erase(self, ids: list[Id]) -> None:
        where, values = "event_id IN {ids:Array(UUID)}", {"ids": [text_of(item) for item in ids]}
        visible = await self._text(f"SELECT count() FROM {REBUILT} WHERE {where}", values)  # noqa: S608
        if int(visible):
            await self._do(f"DELETE FROM {REBUILT} WHERE {where}", values)  # noqa: S608

    async def _inserts_older_than(self, seconds: float) -> bool:
        answer = await self._text(
            f"SELECT count() FROM system.processes WHERE {_FOREIGN_INSERT} AND elapsed >= {{seconds:Float64}}",  # noqa: S608
            {"seconds": seconds},
        )
        return int(answer) > 0

    async def _do(self, statement: str, values: Mapping[str, object] | None = None) -> None:
        async with self._translated(self._settings.read_back_timeout_s):
            client = await self._client()
            await client.command(statement, parameters=dict(values or {}))

    async def _text(self, query: str, values: Mapping[str, object]) -> str:
        return (await self._read(query, values, "TabSeparated")).decode()


_USERS_PER_LOOKUP: Final = 50  # of 1,024 characters at most; ClickHouse takes 128 KiB in a form field
_ERASED: Final = (
    "user_id = {user:String} AND offset < {bounds:Map(UInt32, UInt64)}[partition]"
    " AND received_at < fromUnixTimestamp64Micro({received_before:Int64}, 'UTC')"
)
_LOOK_EVERY_S: Final = 0.05
_SLOW_INSERT_S: Final = 2.0  # an insert that takes longer is ended: its outcome is unknown then, and is read back
_FOREIGN_INSERT: Final = (
    "query_kind = 'Insert' AND current_database = currentDatabase() AND NOT startsWith(query_id, 'rebuild-')"
)


def _at(partition: int, start: int, end: int) -> dict[str, object]:
    return {"partition": partition, "start": start, "end": end}


def _map(numbers: Mapping[int, int]) -> str:
    """As ClickHouse reads a Map in a parameter."""
    return "{" + ",".join(f"{key}:{value}" for key, value in numbers.items()) + "}"


def is_paused(ddl: str) -> bool:
    return re.search(rf"\b{_PAUSED}\b", ddl) is not None


def _known(table: str) -> str:
    if table not in (REBUILT, BEFORE):
        raise ValueError(table)
    return table

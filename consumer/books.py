"""ClickHouse as an auditor sees it: which rows stand at which positions, without FINAL and with the erased ones."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from consumer.erased import Erased, Erasure
from consumer.errors import StoreRefused
from consumer.store import Store
from contract.tables import ACTIONS, DEAD_LETTERS, ERASURES

_AS_STORED: Final = {"apply_deleted_mask": 0}  # an erased row was stored all the same
_UNKNOWN_TABLE: Final = 60
_ERASURES: Final = (
    f"SELECT user_id, log_ends, toUnixTimestamp64Milli(at) * 1000 FROM {ERASURES}"  # noqa: S608 - the name is ours
    " WHERE state = 'requested' AND topic = {topic:String}"
)
_IDS_PER_LOOKUP: Final = 3_000  # 117 KB as a form field; ClickHouse takes 128 KiB (http_max_field_value_size)
_HOURS_PER_LOOKUP: Final = 1_000
_ROW: Final = struct.Struct("<QQQ")  # RowBinary of (offset UInt64, event_id UUID)

# The two halves of a UUID: what RowBinary and 0.4 us make of it.
Id = tuple[int, int]
REBUILT: Final = "actions_rebuild"
_TABLES: Final = (ACTIONS, DEAD_LETTERS, REBUILT)


def id_of(event_id: str) -> Id:
    """From canonical text."""
    high, low = struct.unpack(">QQ", bytes.fromhex(event_id.replace("-", "")))
    return high, low


def text_of(event_id: Id) -> str:
    digits = f"{event_id[0]:016x}{event_id[1]:016x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Row(NamedTuple):
    """A row's position in its partition and its id. A tuple: a million of them are hashed and compared."""

    offset: int
    event_id: Id


@dataclass(frozen=True, slots=True)
class Times:
    """When the actions of a stretch happened: what keeps a query to a few hours of the table."""

    first: datetime
    last: datetime
    hours: tuple[int, ...]

    @classmethod
    def of(cls, times: Sequence[datetime]) -> "Times | None":
        if not times:
            return None
        return cls(min(times), max(times), tuple(sorted({int(time.timestamp()) // 3600 for time in times})))

    def condition(self) -> tuple[str, dict[str, object]]:
        """``time`` prunes the months, ``hour`` the key (docs/decisions/001)."""
        first, last = (moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") for moment in (self.first, self.last))
        between = " AND time BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}"
        values: dict[str, object] = {"first": first, "last": last}
        if len(self.hours) <= _HOURS_PER_LOOKUP:
            return f"{between} AND hour IN {{hours:Array(Int64)}}", values | {"hours": list(self.hours)}
        ends = {"first_hour": self.hours[0], "last_hour": self.hours[-1]}
        return f"{between} AND hour BETWEEN {{first_hour:Int64}} AND {{last_hour:Int64}}", values | ends


class Books(Store):
    """Reads ``actions`` and ``dead_letters``. Raises StoreUnavailable and StoreRefused."""

    async def rows(self, partition: int, start: int, end: int, times: Times | None, table: str = ACTIONS) -> list[Row]:
        """The rows at ``[start, end)``, as often as they are there; with ``times``, those of these hours."""
        condition, values = times.condition() if times else ("", {})
        return await self._positions(f"{_name(table)} WHERE {_AT}{condition}", _at(partition, start, end) | values)

    async def dead_letters(self, topic: str, partition: int, start: int, end: int) -> list[Row]:
        condition = f"{DEAD_LETTERS} WHERE topic = {{topic:String}} AND {_AT}"
        return await self._positions(condition, _at(partition, start, end) | {"topic": topic})

    async def count(self, partition: int, start: int, end: int, table: str = ACTIONS) -> int:
        """How many rows stand at ``[start, end)``."""
        return await self._number(f"count() FROM {_name(table)} WHERE {_AT}", _at(partition, start, end))

    async def erased(self, topic: str) -> Erased:
        """What users have asked to be erased of this topic's records; nothing, where the table is not made yet."""
        try:
            lines = await self._lines(_ERASURES, {"topic": topic})
        except StoreRefused as error:
            if error.code == _UNKNOWN_TABLE:
                return Erased()
            raise
        return Erased(msgspec.convert(line, Erasure, str_keys=True) for line in lines)

    async def count_from_partition(self, partition: int) -> int:
        """How many rows name this partition or a later one."""
        return await self._number(f"count() FROM {ACTIONS} WHERE partition >= {{n:UInt32}}", {"n": partition})

    async def places(
        self, event_ids: Iterable[Id], times: Times | None, table: str = ACTIONS
    ) -> dict[Id, list[tuple[int, int]]]:
        """Where rows of these ids stand: (partition, offset) each; ids without a row are left out."""
        condition, values = times.condition() if times else ("", {})
        found: dict[Id, list[tuple[int, int]]] = {}
        for chunk in _batched(sorted(set(event_ids)), _IDS_PER_LOOKUP):
            where = f"{_name(table)} WHERE event_id IN {{ids:Array(UUID)}}{condition}"
            answer = await self._ask(
                f"SELECT event_id, partition, offset FROM {where}",  # noqa: S608 - names are ours, values are bound
                {"ids": [text_of(item) for item in chunk]} | values,
            )
            for high, low, partition, offset in struct.iter_unpack("<QQIQ", answer):
                found.setdefault((high, low), []).append((partition, offset))
        return found

    async def _positions(self, where: str, values: dict[str, object]) -> list[Row]:
        answer = await self._ask(f"SELECT offset, event_id FROM {where}", values)  # noqa: S608 - as above
        return [Row(offset, (high, low)) for offset, high, low in _ROW.iter_unpack(answer)]

    async def _number(self, what: str, values: dict[str, object]) -> int:
        [(number,)] = struct.iter_unpack("<Q", await self._ask(f"SELECT {what}", values))
        return int(number)

    async def _lines(self, query: str, values: dict[str, object]) -> list[list[Any]]:
        """The answer's rows where they are no fixed number of bytes."""
        settings = {**_AS_STORED, "output_format_json_quote_64bit_integers": 0}
        answer = await self._read(query, values, "JSONCompactEachRow", settings)
        return msgspec.json.decode(b"[" + b",".join(answer.splitlines()) + b"]", type=list[list[Any]])

    async def _ask(self, query: str, values: dict[str, object]) -> bytes:
        return await self._read(query, values, "RowBinary", _AS_STORED)


_AT: Final = "partition = {partition:UInt32} AND offset >= {start:UInt64} AND offset < {end:UInt64}"


def _at(partition: int, start: int, end: int) -> dict[str, object]:
    return {"partition": partition, "start": start, "end": end}


def _name(table: str) -> str:
    if table not in _TABLES:
        raise ValueError(table)
    return table


def _batched(items: list[Id], size: int) -> Iterator[list[Id]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]

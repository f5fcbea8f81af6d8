"""The dead letters as an operator sees them: which there are, what each holds, which were replayed."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from consumer.errors import StoreRefused
from consumer.store import Store
from contract.tables import DEAD_LETTER_REPLAYS, DEAD_LETTERS

_UNKNOWN_TABLE: Final = 60


class Letter(msgspec.Struct, frozen=True):
    """One dead letter and its replay.

    key, value   base64 of the raw bytes; ``value`` may be cut to its beginning, ``value_bytes`` is its whole length
    log_ends     where each partition ended when a replay was intended; empty when none was
    replayed_at  None until its replay is known to be published
    shard        on which it stands; None where there is only one
    """

    event_id: str
    topic: str
    partition: int
    offset: int
    recorded_at: datetime
    stored_at: datetime
    key: str
    value: str
    value_bytes: int
    reason: str
    error_code: int
    log_ends: dict[int, int]
    replayed_at: datetime | None
    replayed_partition: int
    replayed_offset: int
    shard: int | None = None

    @property
    def raw_key(self) -> bytes:
        return base64.b64decode(self.key)

    @property
    def raw_value(self) -> bytes:
        return base64.b64decode(self.value)

    @property
    def state(self) -> str:
        """``interrupted``: a replay was begun, and whether it arrived is not known yet."""
        return "replayed" if self.replayed_at else "interrupted" if self.log_ends else "open"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters; None: any. ``reason`` is a part of it in any case, moments are those of ``stored_at``."""

    reason: str | None = None
    partition: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    replayed: bool | None = None
    ids: Sequence[str] | None = None

    def conditions(self) -> tuple[str, dict[str, object]]:
        """For WHERE, and the values it binds."""
        texts, values = ["letters.topic = {topic:String}"], dict[str, object]()
        if self.reason is not None:
            texts.append("positionCaseInsensitiveUTF8(letters.reason, {reason:String}) > 0")
            values["reason"] = self.reason
        if self.partition is not None:
            texts.append("letters.partition = {partition:UInt32}")
            values["partition"] = self.partition
        for name, sign, moment in (("since", ">=", self.since), ("until", "<", self.until)):
            if moment is not None:
                texts.append(f"letters.stored_at {sign} {{{name}:DateTime64(6, 'UTC')}}")
                values[name] = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        if self.replayed is not None:
            texts.append(f"{'' if self.replayed else 'NOT '}replays.has_replay")
        if self.ids is not None:
            texts.append("letters.event_id IN {ids:Array(UUID)}")
            values["ids"] = list(self.ids)
        return " AND ".join(texts), values


# Of several intents the earliest log ends count: what any of them published stands after these.
_REPLAYS: Final = f"""
    SELECT event_id, minMapIf(log_ends, state = 'intended') AS log_ends,
        countIf(state = 'published') > 0 AS has_replay, maxIf(at, state = 'published') AS replayed_at,
        anyIf(partition, state = 'published') AS replayed_partition,
        anyIf(offset, state = 'published') AS replayed_offset
    FROM {DEAD_LETTER_REPLAYS} GROUP BY event_id"""  # noqa: S608 - a fixed name
_FROM: Final = f"""
    (SELECT * FROM {DEAD_LETTERS} FINAL) AS letters
    LEFT JOIN ({_REPLAYS}) AS replays ON letters.event_id = replays.event_id"""  # noqa: S608 - a fixed name
_COLUMNS: Final = """
    toString(letters.event_id) AS event_id, letters.topic AS topic, letters.partition AS partition,
    letters.offset AS offset, letters.recorded_at AS recorded_at, letters.stored_at AS stored_at,
    base64Encode(letters.key) AS key,
    base64Encode(if({preview:UInt32} > 0, substring(letters.value, 1, {preview:UInt32}), letters.value)) AS value,
    length(letters.value) AS value_bytes, letters.reason AS reason, letters.error_code AS error_code,
    replays.log_ends AS log_ends, if(replays.has_replay, replays.replayed_at, NULL) AS replayed_at,
    replays.replayed_partition AS replayed_partition, replays.replayed_offset AS replayed_offset"""
_ORDER: Final = "letters.partition, letters.offset, letters.event_id"
_NEWEST_FIRST: Final = "letters.stored_at DESC, letters.partition DESC, letters.offset DESC"

_decode_lines: Final = msgspec.json.Decoder(list[Letter], strict=False).decode
_encode_lines: Final = msgspec.json.Encoder().encode_lines


class DeadLetterTable(Store):
    """Raises StoreUnavailable and StoreRefused. ``open()`` before use, as the store."""

    async def open(self) -> None:
        await super().open()
        try:
            await self._ask(f"SELECT count() FROM {DEAD_LETTER_REPLAYS}", {})  # noqa: S608 - a fixed name
        except StoreRefused as error:
            if error.code == _UNKNOWN_TABLE:
                raise StoreRefused(
                    "table dead_letter_replays is missing: run `python -m deploy.setup`", error.code
                ) from error
            raise

    async def select(
        self, wanted: Wanted, *, limit: int, preview_bytes: int = 0, newest_first: bool = False
    ) -> list[Letter]:
        """The first ``limit`` of them; values are cut to ``preview_bytes``, or whole with 0."""
        where, values = wanted.conditions()
        order = _NEWEST_FIRST if newest_first else _ORDER
        answer = await self._ask(
            f"SELECT {_COLUMNS} FROM {_FROM} WHERE {where} ORDER BY {order} LIMIT {{limit:UInt64}}",  # noqa: S608
            values | {"limit": limit, "preview": preview_bytes},
        )
        return _decode_lines(b"[" + b",".join(answer.splitlines()) + b"]")

    async def positions(self, wanted: Wanted) -> list[tuple[int, int, str]]:
        """Partition, offset and id of all of them, in this order."""
        where, values = wanted.conditions()
        answer = await self._ask(
            f"SELECT {_ORDER} FROM {_FROM} WHERE {where} ORDER BY {_ORDER}",  # noqa: S608
            values,
            fmt="TabSeparated",
        )
        lines = (line.split("\t") for line in answer.decode().splitlines())
        return [(int(partition), int(offset), event_id) for partition, offset, event_id in lines]

    async def intend(self, event_ids: Sequence[str], log_ends: Mapping[int, int]) -> None:
        """Write down that these are about to be published, and where the topic's partitions end before that."""
        await self._write([{"event_id": key, "state": "intended", "log_ends": log_ends} for key in event_ids])

    async def mark(self, places: Mapping[str, tuple[int, int]]) -> None:
        """Write down where these were published: partition and offset."""
        await self._write(
            [
                {"event_id": key, "state": "published", "partition": partition, "offset": offset}
                for key, (partition, offset) in places.items()
            ]
        )

    async def _write(self, rows: Sequence[Mapping[str, object]]) -> None:
        if not rows:
            return
        settings = {"async_insert": 0, "insert_deduplicate": 0}  # a repeat must be written: an earlier one may be lost
        async with self._translated(self._settings.insert_timeout_s):
            client = await self._client()
            await client.raw_insert(
                DEAD_LETTER_REPLAYS, insert_block=_encode_lines(rows), settings=settings, fmt="JSONEachRow"
            )

    async def _ask(self, query: str, values: Mapping[str, object], fmt: str = "JSONEachRow") -> bytes:
        settings = {"date_time_output_format": "iso", "output_format_json_quote_64bit_integers": 0}
        return await self._read(query, {"topic": self._settings.kafka_topic} | dict(values), fmt, settings)

"""Filling the new table from the log: row by row what is not there yet, in blocks as the sink makes them."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace

from consumer.block import SubBlock, build
from consumer.books import REBUILT, Id, Row, Times, id_of
from consumer.dead_letters import DeadLetter
from consumer.erased import Erased, microseconds
from consumer.errors import StoreUnavailable, TornBlock
from consumer.log_reader import LogReader
from consumer.rebuild_store import RebuildStore
from consumer.settings import Settings
from consumer.store import Presence
from consumer.topic_record import TopicRecord
from contract.record import ActionRecord, RecordError, decode
from contract.tables import ACTIONS

_MAX_ATTEMPTS = 8  # of one insert, with growing pauses; then the rebuild ends, to be run again
_Decoded = tuple[TopicRecord, ActionRecord]


class Filler:
    """rows: inserted so far. table_is_new: nobody can have filled it before, so nothing is looked up in it.

    erased   records that are left out; but not of a block that the sink has begun, which it will want to find whole
    """

    def __init__(self, store: RebuildStore, log: LogReader, settings: Settings) -> None:
        self._store = store
        self._log = log
        self._settings = settings
        # Another one in each run: a token of a run that was killed may be known although its rows are not there.
        self._run = secrets.token_hex(4)
        self.rows = 0
        self.table_is_new = False
        self.erased = Erased()

    async def fill(self, partition: int, start: int, end: int, *, only_stored: bool = False) -> None:
        """Insert what the table lacks of ``[start, end)``; ``only_stored``: of it, what stands in ``actions``.

        Raises StoreUnavailable, StoreRefused, SourceUnavailable.
        """
        async for first, after, records in self._log.read(partition, start, end, self._settings.max_block_rows):
            decoded = [(record, action) for record in records if (action := _action(record)) is not None]
            wanted = await self._wanted(partition, first, after, decoded, only_stored=only_stored)
            await self._insert(partition, first, after, wanted)

    async def _wanted(
        self, partition: int, start: int, end: int, decoded: Sequence[_Decoded], *, only_stored: bool
    ) -> list[TopicRecord]:
        times = Times.of([action.time for _, action in decoded])
        if times is None:
            return []
        rows = [Row(record.offset, id_of(action.event_id)) for record, action in decoded]
        unwanted = await self._refused(partition, start, end, decoded, times)
        if not self.table_is_new:
            unwanted |= await self._there(partition, start, end, rows, times)
        if only_stored:
            unwanted |= set(rows) - set(await self._store.rows(partition, start, end, times))
        else:
            unwanted |= self._erased_of(partition, decoded)
        return [record for (record, _), row in zip(decoded, rows, strict=True) if row not in unwanted]

    def _erased_of(self, partition: int, decoded: Sequence[_Decoded]) -> set[Row]:
        return {
            Row(record.offset, id_of(action.event_id))
            for record, action in decoded
            if self.erased.covers(action.user_id, partition, record.offset, microseconds(action.received_at))
        }

    async def _there(self, partition: int, start: int, end: int, rows: Sequence[Row], times: Times) -> set[Row]:
        """Rows that the new table has, or had until they were merged into a later copy of the same action."""
        there = set(await self._store.rows(partition, start, end, times, REBUILT)) & set(rows)
        absent = [row for row in rows if row not in there]
        places = await self._store.places((row.event_id for row in absent), times, REBUILT) if absent else {}
        later = {row for row in absent if _has_later(places.get(row.event_id, []), partition, row.offset)}
        return there | later

    async def _refused(
        self, partition: int, start: int, end: int, decoded: Sequence[_Decoded], times: Times
    ) -> set[Row]:
        """Actions that are dead letters, since ClickHouse refused them, and are not stored: they stay dead letters."""
        topic = self._settings.kafka_topic
        letters = set(await self._store.dead_letters(topic, partition, start, end))
        if not letters:
            return set()
        stored = set(await self._store.rows(partition, start, end, times))
        positions = {letter.offset for letter in letters}
        refused = set()
        for record, action in decoded:
            row = Row(record.offset, id_of(action.event_id))
            if record.offset in positions and row not in stored and _letter(topic, partition, record) in letters:
                refused.add(row)
        return refused

    async def _insert(self, partition: int, start: int, end: int, records: Sequence[TopicRecord]) -> None:
        for part in build(self._settings.kafka_topic, partition, start, end, records).sub_blocks:
            if part.table == ACTIONS:
                await self._store_all(replace(part, table=REBUILT, token=f"rebuild-{self._run}-{part.token}"))
                self.rows += len(part.event_ids)

    async def _store_all(self, part: SubBlock) -> None:
        """As the sink does (consumer.delivery): after an unknown outcome, end the attempt and read back."""
        for attempt in range(_MAX_ATTEMPTS):
            try:
                if attempt and await self._is_stored(part):
                    return
                await self._store.insert(part, f"{part.token}.{attempt}")
            except StoreUnavailable:
                if attempt + 1 == _MAX_ATTEMPTS:
                    raise
                await asyncio.sleep(self._settings.backoff_first_ms / 1000 * 2**attempt)
            else:
                return

    async def _is_stored(self, part: SubBlock) -> bool:
        await self._store.kill(part.token)
        presence = await self._store.presence(part)
        if presence is Presence.SOME:
            raise TornBlock(f"{part.token}: an atomic block is half stored: is another rebuild running?")
        return presence is Presence.ALL


def _action(record: TopicRecord) -> ActionRecord | None:
    try:
        return decode(record.value)
    except RecordError:
        return None


def _letter(topic: str, partition: int, record: TopicRecord) -> Row:
    letter: Id = id_of(DeadLetter.of(topic, partition, record, "").event_id)
    return Row(record.offset, letter)


def _has_later(places: Sequence[tuple[int, int]], partition: int, offset: int) -> bool:
    return any(where == partition and at > offset for where, at in places)

"""The place of one action: stored, dead-lettered, on its way to the table, or unknown here; and where it stands.

The order of looking makes the answer whole: first how far the sink is, then the table and the dead letters, which hold
everything below that, then the log from there to its end.
"""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
import structlog

from query_api.errors import LogUnavailable, Overloaded
from query_api.estimate import Estimates
from query_api.filtering.filters import Filters, Scope
from query_api.filtering.matching import matches
from query_api.filtering.moments import from_us
from query_api.live import place_sql, tail_events
from query_api.live.kafka_log import LogRecord
from query_api.live.kafka_ranges import Range, Ranges, newest
from query_api.live.place_sql import DeadLetterRow, StoredRow
from query_api.live.tail import read_entry
from query_api.live.tail_events import Entry
from query_api.live.watermark import Reading, Watermark
from query_api.paging.formats import Action, embeddable
from query_api.settings import Settings
from query_api.store import Store, result_decoder
from query_api.work import Work

_NOWHERE: Final = (
    "No stored action, no dead letter and no record on its way to the table has this id. It was not accepted (ask "
    "whoever sent it for its receipt), it was erased, or this key may not see it."
)
_stored: Final = result_decoder(StoredRow)
_dead: Final = result_decoder(DeadLetterRow)
_log = structlog.get_logger(__name__)


class State(StrEnum):
    """Where an action is."""

    STORED = "stored"
    DEAD_LETTERED = "dead-lettered"
    IN_FLIGHT = "in-flight"
    UNKNOWN = "unknown"


class Place(msgspec.Struct, frozen=True, rename="camel"):
    """The body of GET /log/{id}: the action as in GET /log; ``reason`` is a sentence where there is no action."""

    id: str
    state: State
    action: Action | None = None
    partition: int | None = None
    offset: int | None = None
    accepted_at: datetime | None = None
    stored_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Looks for one action; ``lookup`` in a turn, ``in_flight`` without one."""

    store: Store
    estimates: Estimates
    watermark: Watermark
    ranges: Ranges
    settings: Settings

    async def lookup(self, event_id: uuid.UUID, scope: Scope, work: Work) -> Place | Reading | LogUnavailable:
        """The place, when ClickHouse knows it; else how far the sink was before it was asked, or why that is unknown.

        Raises StoreError, Problem.
        """
        try:
            reading: Reading | LogUnavailable = await self.watermark.fresh()
        except LogUnavailable as error:
            reading = error
        for window in place_sql.windows(event_id, scope):
            query = place_sql.stored(event_id, scope, window)
            await self.estimates.check(query, work)
            if rows := await self.store.fetch(query, work, _stored):
                return _place_of_row(rows[0])
        if work.tells_cost:  # a dead letter is no action that could be held against a scope
            query = place_sql.dead_letter(event_id, self.settings.kafka_topic)
            await self.estimates.check(query, work)
            if letters := await self.store.fetch(query, work, _dead):
                return _place_of_letter(event_id, letters[0])
        return reading

    async def in_flight(self, event_id: uuid.UUID, scope: Scope, reading: Reading | LogUnavailable) -> Place:
        """Look in the log, from the watermark to its end; in as many records as ``place_max_records``."""
        try:
            if isinstance(reading, LogUnavailable):
                raise reading
            async with asyncio.timeout(self.settings.query_timeout_ms / 1000):
                return await self._in_log(event_id, scope, reading)
        except (LogUnavailable, Overloaded, TimeoutError) as error:
            why = str(error) or "it took too long"
            _log.info("a place was not looked up in the log", reason=why)
            return _unknown(event_id, f"Not stored, and whether it is on its way cannot be seen now: {why}.")

    async def _in_log(self, event_id: uuid.UUID, scope: Scope, reading: Reading) -> Place:
        async with self.ranges.opened() as reader:
            unsunk = unsunk_ranges(reading, await reader.bounds())
            ranges = newest(unsunk, self.settings.place_max_records)
            async with aclosing(self.ranges.read(reader, ranges)) as batches:
                async for records in batches:
                    if (entry := _found(event_id, scope, records)) is not None:
                        return _place_of_entry(entry, scope)
        passed_over = _records(unsunk) - _records(ranges)
        if passed_over:
            more = f"{passed_over:,} older records that are not stored yet were not looked at (the sink is far behind)."
            return _unknown(event_id, f"Not stored; {more}")
        return _unknown(event_id, _NOWHERE)


def unsunk_ranges(reading: Reading, bounds: dict[int, tuple[int, int]]) -> dict[int, Range]:
    """Of each partition what is in the log and not known to be stored."""
    firsts = {number: max(start, reading.committed.get(number, 0)) for number, (start, _) in bounds.items()}
    return {number: (min(firsts[number], end), end) for number, (_, end) in bounds.items()}


def _records(ranges: dict[int, Range]) -> int:
    return sum(end - first for first, end in ranges.values())


def _found(event_id: uuid.UUID, scope: Scope, records: Sequence[LogRecord]) -> Entry | None:
    text = str(event_id)
    wanted = text.encode()
    for record in records:
        if record.value is not None and wanted in record.value:
            entry = read_entry(record)
            if entry is not None and entry.record.event_id == text and matches(Filters(scope=scope), entry.record):
                return entry
    return None


def _place_of_row(row: StoredRow) -> Place:
    time = from_us(row.time_us, row.utc_offset_minutes)
    action = Action(row.event_id, row.user_id, row.session_id, time, row.type, embeddable(row.properties))
    accepted_at = from_us(row.received_us, 0)
    stored_at = from_us(row.stored_ms * 1000, 0) if row.stored_ms else None
    return Place(row.event_id, State.STORED, action, row.partition, row.offset, accepted_at, stored_at)


def _place_of_letter(event_id: uuid.UUID, row: DeadLetterRow) -> Place:
    code = f" (ClickHouse's code {row.error_code})" if row.error_code else ""
    return Place(
        str(event_id),
        State.DEAD_LETTERED,
        partition=row.partition,
        offset=row.offset,
        stored_at=from_us(row.stored_ms * 1000, 0),
        reason=f"{row.reason}{code}",
    )


def _place_of_entry(entry: Entry, scope: Scope) -> Place:
    seen = tail_events.tailed(entry, scope)
    action = Action(seen.id, seen.user_id, seen.session_id, seen.time, seen.type, seen.properties)
    return Place(seen.id, State.IN_FLIGHT, action, seen.partition, seen.offset, seen.received_at)


def _unknown(event_id: uuid.UUID, reason: str) -> Place:
    return Place(str(event_id), State.UNKNOWN, reason=reason)

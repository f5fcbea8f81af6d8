"""`python -m consumer audit`: does every record of the topic stand in ClickHouse exactly once? Read-only.

Exit codes: 0 the books balance, 1 they do not (missing, or stored twice), 2 wrong usage, 3 Kafka or ClickHouse away.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consumer.audit_partition import PartitionAudit
from consumer.audit_report import Entry, PartitionBooks, Report
from consumer.books import text_of
from consumer.errors import SinkError
from consumer.intent import Position
from consumer.log_reader import LogReader
from consumer.settings import Settings
from consumer.shard_books import ShardBooks

BALANCED, UNBALANCED, AWAY = 0, 1, 3  # argparse exits with 2
_LAST_OFFSET = (1 << 63) - 1
_FOREIGN_AT_MOST = 10_000  # rows beyond the log that are looked at one by one

Bound = int | datetime


@dataclass(frozen=True)
class Wanted:
    """What to audit: from and to which offset or time, which partitions (None: all), how many entries a list shows."""

    start: Bound | None = None
    end: Bound | None = None
    partitions: tuple[int, ...] | None = None
    limit: int = 100


async def audit(settings: Settings, wanted: Wanted, *, say_progress: bool = False) -> Report:
    """Raises SourceUnavailable, StoreUnavailable, StoreRefused; ValueError for a partition that the topic lacks."""
    log, books = LogReader(settings), ShardBooks(settings)
    try:
        await log.open()
        await books.open()
        return await _audit(settings, log, books, wanted, _Progress(say_progress))
    finally:
        await log.close()
        await books.close()


async def _audit(
    settings: Settings, log: LogReader, books: ShardBooks, wanted: Wanted, progress: "_Progress"
) -> Report:
    began = time.monotonic()
    existing = await log.partitions()
    chosen = sorted(set(wanted.partitions)) if wanted.partitions is not None else existing
    if unknown := set(chosen) - set(existing):
        raise ValueError(f"topic {settings.kafka_topic} has no partition {min(unknown)}")
    committed = await log.committed()  # before the log and the tables: what is below must be found
    erased = await books.erased(settings.kafka_topic)
    results = [_empty(number, books.home_of(number), committed.get(number)) for number in chosen]
    await _set_ranges(log, results, wanted)
    progress.total = sum(result.end - result.start for result in results)
    for result in results:
        await PartitionAudit(books, log, settings.kafka_topic, result, wanted.limit, erased).run(progress.add)
        await _look_outside(log, books, result, wanted)
    others = await books.count_from_partition(len(existing)) if wanted.partitions is None else 0
    progress.end()
    seconds = round(time.monotonic() - began, 1)
    return Report(settings.kafka_topic, settings.kafka_group, books.shards, results, others, seconds)


def _empty(number: int, shard: int, position: Position | None) -> PartitionBooks:
    return PartitionBooks(number, 0, 0, position.committed if position else None, shard=shard)


async def _set_ranges(log: LogReader, results: Sequence[PartitionBooks], wanted: Wanted) -> None:
    numbers = [result.partition for result in results]
    bounds = await log.bounds(numbers)
    starts, ends = await _offsets(log, numbers, wanted.start), await _offsets(log, numbers, wanted.end)
    for result in results:
        log_start, log_end = bounds[result.partition]
        start, end = starts[result.partition], ends[result.partition]
        result.start = min(log_end, max(log_start, log_start if start is None else start))
        result.end = max(result.start, min(log_end, log_end if end is None else end))
        if result.committed is not None:
            result.lost_to_retention = max(0, log_start - result.committed)


async def _offsets(log: LogReader, numbers: Sequence[int], bound: Bound | None) -> dict[int, int | None]:
    """A bound as an offset of each partition; None where there is no bound, or no record as late as that."""
    if isinstance(bound, datetime):
        found = await log.offsets_at(numbers, round(bound.timestamp() * 1000))
        return {number: _LAST_OFFSET if offset is None else offset for number, offset in found.items()}
    return dict.fromkeys(numbers, bound)


async def _look_outside(log: LogReader, books: ShardBooks, result: PartitionBooks, wanted: Wanted) -> None:
    """Rows before and beyond the log. Its end is asked after they are counted: a row is never ahead of its record."""
    if wanted.start is None:
        result.rows_before_the_log = await books.count(result.partition, 0, result.start)
    if wanted.end is not None or not await books.count(result.partition, result.end, _LAST_OFFSET):
        return
    rows = await books.count(result.partition, result.end, _LAST_OFFSET)
    end = (await log.bounds([result.partition]))[result.partition][1]
    if rows:
        result.rows_beyond_the_log = await books.count(result.partition, end, _LAST_OFFSET)
    if 0 < result.rows_beyond_the_log <= _FOREIGN_AT_MOST:
        beyond = [row for some in await books.rows(result.partition, end, _LAST_OFFSET, None) for row in some]
        places = await books.places((row.event_id for row in beyond), None)
        doubled = [row for row in beyond if len(places.get(row.event_id, ())) > 1]
        result.stored_twice += len(doubled)
        room = wanted.limit - len(result.listed_twice)
        result.listed_twice += [
            Entry(row.offset, text_of(row.event_id), len(places[row.event_id])) for row in doubled[:room]
        ]


class _Progress:
    """A line on a terminal's stderr that says how far the audit is."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._done = 0
        self.total = 0

    def add(self, records: int) -> None:
        self._done += records
        if self._wanted:
            sys.stderr.write(f"\r{self._done:,} of {self.total:,} records ")

    def end(self) -> None:
        if self._wanted:
            sys.stderr.write("\r\033[K")


def main(argv: Sequence[str]) -> int:
    """The exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    logging.disable(logging.CRITICAL)  # the clients log each attempt; one sentence at the end says it better
    partitions = tuple(arguments.partition) if arguments.partition else None
    wanted = Wanted(arguments.start, arguments.end, partitions, arguments.limit_listed)
    try:
        report = asyncio.run(audit(Settings(), wanted, say_progress=True))
    except ValueError as error:
        parser.error(str(error))
    except SinkError as error:
        sys.stderr.write(f"no audit: {error}\n")
        return AWAY
    sys.stdout.write((report.as_json() if arguments.json else report.as_text()) + "\n")
    return BALANCED if report.balanced else UNBALANCED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m consumer audit",
        description="Reads the topic and asks ClickHouse for every record of it: stored once, stored twice, a dead"
        " letter, in flight, or missing. Changes nothing, and runs beside the sink.",
        epilog="Exit code: 0 the books balance; 1 records are missing or stored twice; 2 wrong usage; 3 Kafka or"
        " ClickHouse did not answer. Settings: CONSUMER_KAFKA_..., CONSUMER_CLICKHOUSE_... as for the sink.",
    )
    bound = "an offset (of every partition) or a time with its zone, such as 2026-03-14T12:00:00Z (Kafka's timestamp)"
    parser.add_argument("--from", dest="start", type=_bound, metavar="BOUND", help=f"first record: {bound}")
    parser.add_argument(
        "--to", dest="end", type=_bound, metavar="BOUND", help="the record after the last one, likewise"
    )
    parser.add_argument("--partition", type=int, action="append", metavar="N", help="only this one; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument("--limit-listed", type=_count, default=100, metavar="N", help="entries of each list (100)")
    return parser


def _bound(text: str) -> Bound:
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an offset nor a time") from None
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone: end it with Z or an offset")
    return moment


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of entries")
    return int(text)

"""Ranges: bounded stretches of the topic, read again for whoever needs them; a few at one time."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from query_api import metrics
from query_api.errors import LogUnavailable, Overloaded
from query_api.live.kafka_log import LogRecord, OutOfRange, Reader
from query_api.settings import Settings

_POLL_S = 0.5
_MOST_PER_POLL = 1_000

Range = tuple[int, int]  # from the first offset up to, not including, the second


class Ranges:
    """Reads with a reader made for each use: at most ``range_reads`` at one time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(settings.range_reads)
        self._patience_s = 2 * settings.kafka_request_timeout_ms / 1000

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Reader]:
        """A started reader. Raises Overloaded when none comes free in time, LogUnavailable."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise Overloaded("too many stretches of the log are being read") from error
        reader = Reader(self._settings)
        try:
            await reader.start()
            yield reader
        finally:
            self._free.release()
            await reader.close()

    async def read(self, reader: Reader, ranges: Mapping[int, Range]) -> AsyncGenerator[Sequence[LogRecord], None]:
        """The ranges' records, in order within each partition. Raises LogUnavailable, also when no record comes for
        twice the time that Kafka may take for an answer.
        """
        ends = {number: end for number, (first, end) in ranges.items() if first < end}
        if ends:
            reader.seek({number: ranges[number][0] for number in ends})
        progress_at = time.monotonic()
        while ends:
            try:
                batches = await reader.poll(_POLL_S, _MOST_PER_POLL)
            except OutOfRange as error:
                raise LogUnavailable("retention has taken what was to be read") from error
            for records in batches.values():
                within = [record for record in records if record.offset < ends.get(record.partition, 0)]
                metrics.RANGE_RECORDS.inc(len(within))
                yield within
            positions = reader.positions()
            ends = {number: end for number, end in ends.items() if positions.get(number, 0) < end}
            if batches:
                progress_at = time.monotonic()
            elif time.monotonic() - progress_at > self._patience_s:
                raise LogUnavailable("Kafka is away or busy (no record came)")


def newest(ranges: Mapping[int, Range], most: int) -> dict[int, Range]:
    """The ends of the ranges, ``most`` records in all, dealt out evenly: what short ones don't need, long ones get."""
    kept, left = {}, most
    by_length = sorted(ranges.items(), key=lambda item: item[1][1] - item[1][0])
    for position, (number, (first, end)) in enumerate(by_length):
        length = min(end - first, left // (len(by_length) - position))
        kept[number] = (end - length, end)
        left -= length
    return kept

"""A stream: what one open GET /log/tail writes, from its first byte to its last."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from query_api import metrics
from query_api.errors import LogUnavailable, Overloaded
from query_api.filtering.matching import matches
from query_api.live import tail_events
from query_api.live.kafka_ranges import Range, Ranges, newest
from query_api.live.tail import Tail, read_entry
from query_api.live.tail_events import Entry, Notice
from query_api.live.tail_watcher import Watcher
from query_api.settings import Settings

_CHUNK_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Stream:
    """resume   of each partition the next offset that the client has not seen; None when it has not been here before"""

    tail: Tail
    ranges: Ranges
    settings: Settings
    watcher: Watcher
    resume: Mapping[int, int] | None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The stream's bytes, until it is old or the service stops."""
        yield tail_events.opening(self.watcher.positions if self.resume is None else None)
        if self.resume is not None:
            async with aclosing(self._backlog(self.resume)) as backlog:
                async for chunk in backlog:
                    yield chunk
        ends_at = time.monotonic() + self.settings.tail_max_age_s
        while time.monotonic() < ends_at and not self.watcher.ended:
            taken = await self.watcher.take(min(self.settings.tail_heartbeat_s, ends_at - time.monotonic()))
            for chunk in self._encoded(taken):
                yield chunk
            if not taken:
                yield tail_events.heartbeat(self.watcher.at(self.tail.positions))
        yield tail_events.comment("this stream ends; come back with Last-Event-ID")

    def _encoded(self, items: Sequence[Entry | Notice]) -> list[bytes]:
        """The events, joined to chunks."""
        chunks, chunk = [], bytearray()
        for item in items:
            chunk += item.encode() if isinstance(item, Notice) else self._action(item)
            if len(chunk) >= _CHUNK_BYTES:
                chunks.append(bytes(chunk))
                chunk.clear()
        return [*chunks, bytes(chunk)] if chunk else chunks

    def _action(self, entry: Entry) -> bytes:
        return tail_events.action(entry, self.watcher.filters.scope, self.watcher.sent(entry))

    async def _backlog(self, resume: Mapping[int, int]) -> AsyncGenerator[bytes, None]:
        """What arrived between the client's last event and the live part, within bounds; what lies beyond is told."""
        live = dict(self.watcher.positions)
        try:
            async with self.ranges.opened() as reader:
                starts = {number: start for number, (start, _) in (await reader.bounds()).items()}
                ranges, gap = plan(resume, live, starts, self.settings.tail_resume_records)
                if gap is not None:
                    yield self._told(gap)
                self.watcher.positions = {number: first for number, (first, _) in ranges.items()}
                async with aclosing(self.ranges.read(reader, ranges)) as batches:
                    async for records in batches:
                        entries = [entry for record in records if (entry := read_entry(record)) is not None]
                        wanted = [entry for entry in entries if matches(self.watcher.filters, entry.record)]
                        for chunk in self._encoded(wanted):
                            yield chunk
        except (LogUnavailable, Overloaded) as error:
            detail = f"{error}; come back with the last id to get what is missing"
            yield Notice("problem", {"code": "log-unavailable", "detail": detail}).encode()
            self.watcher.end()
        self.watcher.positions = live

    def _told(self, gap: Notice) -> bytes:
        skipped = gap.told["skipped"]
        metrics.TAIL_MISSED.labels("gap").inc(skipped if isinstance(skipped, int) else 0)
        return gap.encode()


def plan(
    resume: Mapping[int, int], live: Mapping[int, int], starts: Mapping[int, int], most: int
) -> tuple[dict[int, Range], Notice | None]:
    """The range of each partition to read again, and the gap before them, if there is one.

    resume   where the client wants to go on; a partition that is not named goes on live
    live     where the live part begins
    starts   what retention has left
    most     records in all; of more, the newest
    """
    wanted = {number: resume.get(number, end) for number, end in live.items()}
    if any(first > live[number] for number, first in wanted.items()):
        reason = "the position is not of this log: the topic was made again"
        return {number: (end, end) for number, end in live.items()}, Notice("gap", {"skipped": None, "reason": reason})
    kept = {number: max(first, starts.get(number, 0)) for number, first in wanted.items()}
    ranges = newest({number: (first, live[number]) for number, first in kept.items()}, most)
    skipped = sum(ranges[number][0] - first for number, first in wanted.items())
    if not skipped:
        return ranges, None
    late = "the client was away for more records than are read again, or than the log still has"
    return ranges, Notice("gap", {"skipped": skipped, "reason": late})

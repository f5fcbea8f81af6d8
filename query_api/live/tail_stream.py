"""A stream: what one open GET /log/tail writes, from its first byte to its last."""

import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
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
    """resume   of each partition the next offset that the client has not seen; None when it has not been here before
    _ahead   the same where the tail has not come that far yet: what it gives from below has been seen
    """

    tail: Tail
    ranges: Ranges
    settings: Settings
    watcher: Watcher
    resume: Mapping[int, int] | None
    _ahead: dict[int, int] = field(default_factory=dict)

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
            for chunk in self._encoded(self._unseen(taken)):
                yield chunk
            if not taken:
                yield tail_events.heartbeat(self.watcher.at(self.tail.positions))
        yield tail_events.comment("this stream ends; come back with Last-Event-ID")

    def _unseen(self, items: Iterable[Entry | Notice]) -> Iterator[Entry | Notice]:
        for item in items:
            if isinstance(item, Notice):
                if item.event == "gap":  # the tail is at the log's end, perhaps another log's
                    self._ahead.clear()
                yield item
            elif item.offset >= self._ahead.get(item.partition, 0):
                yield item

    def _encoded(self, items: Iterable[Entry | Notice]) -> list[bytes]:
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
                ranges, gap = plan(resume, live, await reader.bounds(), self.settings.tail_resume_records)
                if gap is not None:
                    yield self._told(gap)
                if gap is None or gap.told["skipped"] is not None:  # the position is of this log
                    self._ahead.update({number: at for number, at in resume.items() if at > live.get(number, 0)})
                self.watcher.positions = {number: first for number, (first, _) in ranges.items()} | self._ahead
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
        self.watcher.positions = live | self._ahead

    def _told(self, gap: Notice) -> bytes:
        skipped = gap.told["skipped"]
        metrics.TAIL_MISSED.labels("gap").inc(skipped if isinstance(skipped, int) else 0)
        return gap.encode()


def plan(
    resume: Mapping[int, int], live: Mapping[int, int], bounds: Mapping[int, Range], most: int
) -> tuple[dict[int, Range], Notice | None]:
    """The range of each partition to read again, and the gap before them, if there is one.

    resume   where the client wants to go on; a partition that is not named goes on live
    live     where the live part begins; the log may be longer
    bounds   what retention has left, and where the log ends
    most     records in all; of more, the newest
    """
    if any(first > max(live.get(number, 0), _bounds(bounds, number)[1]) for number, first in resume.items()):
        reason = "the position is not of this log: the topic was made again"
        return {number: (end, end) for number, end in live.items()}, Notice("gap", {"skipped": None, "reason": reason})
    wanted = {number: min(resume.get(number, end), end) for number, end in live.items()}
    kept = {number: min(max(first, _bounds(bounds, number)[0]), live[number]) for number, first in wanted.items()}
    ranges = newest({number: (first, live[number]) for number, first in kept.items()}, most)
    skipped = sum(ranges[number][0] - first for number, first in wanted.items())
    if not skipped:
        return ranges, None
    late = "the client was away for more records than are read again, or than the log still has"
    return ranges, Notice("gap", {"skipped": skipped, "reason": late})


def _bounds(bounds: Mapping[int, Range], number: int) -> Range:
    return bounds.get(number, (0, 0))

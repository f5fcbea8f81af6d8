"""The tail: one reader of the topic for however many watchers, open while there are any and a moment longer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

from contract import record as contract_record
from contract.record import RecordError
from query_api import metrics
from query_api.errors import LogUnavailable, Overloaded
from query_api.filtering.filters import Filters
from query_api.live.kafka_log import LogRecord, OutOfRange, Reader
from query_api.live.tail_events import Entry, Notice
from query_api.live.tail_watcher import Watcher
from query_api.settings import Settings

_POLL_S: Final = 0.5
_MOST_PER_POLL: Final = 200  # matched by every watcher before the event loop goes on
_LOOK_AFTER_S: Final = 2.0  # without a record: is Kafka still there?
_log = structlog.get_logger(__name__)


class Tail:
    """positions   of each partition the next offset to be given to the watchers"""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watchers: set[Watcher] = set()
        self._admitted = 0
        self._left_at = 0.0
        self._pump: asyncio.Task[None] | None = None
        self._pumps: set[asyncio.Task[None]] = set()  # the last one may still be closing
        self._live: asyncio.Future[None] | None = None
        self._stopping = False
        self.positions: dict[int, int] = {}

    @asynccontextmanager
    async def watched(self, filters: Filters) -> AsyncIterator[Watcher]:
        """A watcher of what arrives from now on; raises Overloaded, LogUnavailable."""
        if self._admitted >= self._settings.tail_max_watchers or self._stopping:
            raise Overloaded("the service is stopping" if self._stopping else "too many streams are open")
        self._admitted += 1
        try:
            await self._reading()
            watcher = Watcher(filters, dict(self.positions), self._settings)
            self._watchers.add(watcher)
            metrics.TAIL_WATCHERS.inc()
            try:
                yield watcher
            finally:
                self._watchers.discard(watcher)
                metrics.TAIL_WATCHERS.dec()
        finally:
            self._admitted -= 1
            self._left_at = time.monotonic()

    def end(self) -> None:
        """Let every open stream end now, and none begin: the service stops."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.end()

    async def close(self) -> None:
        self.end()
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _reading(self) -> None:
        """Return once the tail is read; raises LogUnavailable."""
        if self._pump is None:
            self._live = asyncio.get_running_loop().create_future()
            self._pump = asyncio.create_task(self._run(self._live))
            self._pumps.add(self._pump)
            self._pump.add_done_callback(self._pumps.discard)
        assert self._live is not None  # noqa: S101 - made with the pump
        await asyncio.shield(self._live)

    async def _run(self, live: asyncio.Future[None]) -> None:
        """The pump, from the first watcher until a moment after the last."""
        reader = Reader(self._settings)
        metrics.TAIL_READERS.inc()
        failure = LogUnavailable("the service is stopping")
        try:
            await self._start_at_the_end(reader)
            live.set_result(None)
            await self._pump_until_left(reader)
        except LogUnavailable as error:
            failure = error
        finally:
            self._pump = None  # a new watcher starts another
            if not live.done():
                live.set_exception(failure)
                live.exception()  # whoever waited for it may have gone
            for watcher in self._watchers:  # none, unless something failed
                watcher.end()
            metrics.TAIL_READERS.dec()
            metrics.TAIL_LAG.set(0)
            await reader.close()

    async def _start_at_the_end(self, reader: Reader) -> None:
        await reader.start()
        self.positions = await _ends(reader)
        reader.seek(self.positions)

    async def _pump_until_left(self, reader: Reader) -> None:
        look = _Look(reader, self._tell)
        while self._admitted or time.monotonic() - self._left_at < self._settings.tail_grace_s:
            try:
                await look.after(received=await self._step(reader))
            except LogUnavailable as error:
                await look.failed(str(error))
            await asyncio.sleep(0)  # a full log must not hold the event loop

    async def _step(self, reader: Reader) -> bool:
        """Give the next records to the watchers; whether there were any. Raises LogUnavailable."""
        self._take_new_partitions(reader)
        try:
            batches = await reader.poll(_POLL_S, _MOST_PER_POLL)
        except OutOfRange:
            await self._skip(reader)
            return True
        self._give(batches)
        lag = reader.lag()
        metrics.TAIL_LAG.set(lag)
        if lag > self._settings.tail_max_lag_records:
            await self._skip(reader)
        return bool(batches)

    def _take_new_partitions(self, reader: Reader) -> None:
        """Partitions that were added are read from their beginning."""
        added = set(reader.partitions()) - set(self.positions)
        if added:
            self.positions |= dict.fromkeys(added, 0)
            reader.seek(self.positions)

    def _give(self, batches: Mapping[int, Sequence[LogRecord]]) -> None:
        for number, records in batches.items():
            for record in records:
                if (entry := read_entry(record)) is not None:
                    for watcher in self._watchers:
                        watcher.offer(entry)
            self.positions[number] = records[-1].offset + 1

    async def _skip(self, reader: Reader) -> None:
        """Go on at the log's end, and say what was passed over."""
        ends = await _ends(reader)
        skipped = sum(max(0, end - self.positions.get(number, 0)) for number, end in ends.items())
        self.positions = ends
        reader.seek(self.positions)
        metrics.TAIL_MISSED.labels("gap").inc(skipped)
        _log.warning("the tail goes on at the log's end", skipped_records=skipped)
        self._tell(Notice("gap", {"skipped": skipped, "reason": "this service could not keep up with the log"}))

    def _tell(self, notice: Notice) -> None:
        for watcher in self._watchers:
            watcher.tell(notice)


class _Look:
    """Looks whether Kafka is there when no records come, and tells the watchers once when it goes and comes back."""

    def __init__(self, reader: Reader, tell: Callable[[Notice], None]) -> None:
        self._reader = reader
        self._tell = tell
        self._seen_at = time.monotonic()
        self._away = False

    async def after(self, received: bool) -> None:
        if received:
            self._note(answers=True)
        elif time.monotonic() - self._seen_at > _LOOK_AFTER_S:
            self._note(answers=await self._reader.answers())

    async def failed(self, reason: str) -> None:
        self._note(answers=False, reason=reason)
        await asyncio.sleep(_POLL_S)

    def _note(self, *, answers: bool, reason: str = "Kafka does not answer") -> None:
        self._seen_at = time.monotonic()
        if answers and self._away:
            self._tell(Notice("recovered", {"detail": "Kafka answers again; nothing is skipped"}))
        if not answers and not self._away:
            _log.warning("the tail cannot be read", reason=reason)
            detail = f"{reason}; the stream goes on where it was when it is back"
            self._tell(Notice("problem", {"code": "log-unavailable", "detail": detail}))
        self._away = not answers


async def _ends(reader: Reader) -> dict[int, int]:
    return {number: end for number, (_, end) in (await reader.bounds()).items()}


def read_entry(record: LogRecord) -> Entry | None:
    """The action in a record; None when it holds none, as the sink's dead letters do."""
    try:
        action = contract_record.decode(record.value)
    except RecordError:
        return None
    return Entry(action, record.partition, record.offset, len(record.value or b""))

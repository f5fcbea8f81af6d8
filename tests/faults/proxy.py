"""A proxy between the sink and one of its servers, which fails in chosen ways. It runs in a thread of its own.

``restore``              forward everything again: new connections, and those that ``silence`` and ``delay`` held
``disarm``               forget the cuts that have not happened
``refuse``               close every connection and refuse new ones
``hang_up``              close every connection; new ones work
``half_open``            the connections of this moment carry nothing any more and stay open; new ones work
``silence``              no connection carries anything, nor do new ones, and all stay open
``delay``                every chunk of bytes waits that many seconds, in both directions
``cut_request``          once: close the connection when that much of a request of this kind has been passed on; some
                         cuts may be armed at a time
``cut_answer``           once: the same of an answer; after 0 bytes it is the lost answer: done, and nobody is told
``hits``                 how many of the one-time cuts have happened
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.faults.wire import Piece, Wire
from tests.relay import CHUNK_BYTES, Link, Relay

_VERB_S = 10.0
_CUTS = 8  # armed at a time; one more, and the oldest is forgotten
_CHUNKS = 1_024  # on their way in one direction at most


class Side(Enum):
    """Who sends the message that is cut."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Cut:
    """Close the connection once ``after_bytes`` of one message of this kind have been passed on."""

    side: Side
    kind: str
    after_bytes: int

    def reached(self, side: Side, piece: Piece) -> bool:
        fits = self.side is side and self.kind == piece.kind and piece.start <= self.after_bytes
        return fits and self.after_bytes < piece.start + len(piece.data)


@dataclass
class Faults:
    """What is wrong with the way at the moment; shared by all connections, touched in the proxy's loop only."""

    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    delay_s: float = 0.0
    cuts: deque[Cut] = field(default_factory=lambda: deque(maxlen=_CUTS))
    hits: int = 0
    links: set["FaultyLink"] = field(default_factory=set)

    def hit(self, side: Side, piece: Piece) -> Cut | None:
        """The cut that this piece reaches; it is then done with."""
        cut = next((cut for cut in self.cuts if cut.reached(side, piece)), None)
        if cut is not None:
            self.cuts.remove(cut)
            self.hits += 1
        return cut


class FaultyLink(Link):
    """One connection, as faulty as ``Faults`` says."""

    def __init__(self, faults: Faults, wire: Wire) -> None:
        self._faults = faults
        self._wire = wire
        self.dead = False
        faults.links.add(self)

    async def requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pass(Side.REQUEST, self._wire.requests, reader, writer)

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pass(Side.ANSWER, self._wire.answers, reader, writer)

    async def _pass(
        self,
        side: Side,
        split: Callable[[bytes], Iterator[Piece]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Pass on what comes, each chunk when it has been on its way for as long as ``delay`` says."""
        chunks: asyncio.Queue[_Chunk] = asyncio.Queue(_CHUNKS)
        reading = asyncio.create_task(self._read(reader, chunks))
        try:
            while (chunk := await chunks.get()).data:
                await self._held(chunk)
                for piece in split(chunk.data):
                    if cut := self._faults.hit(side, piece):
                        writer.write(piece.data[: cut.after_bytes - piece.start])
                        return
                    writer.write(piece.data)
                await writer.drain()
            await self._held(chunk)  # nor does the news that one side is gone get through
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            self._faults.links.discard(self)

    async def _read(self, reader: asyncio.StreamReader, chunks: "asyncio.Queue[_Chunk]") -> None:
        data = b"?"
        while data:
            try:
                data = await reader.read(CHUNK_BYTES)
            except OSError:  # reset: passed on as an end
                data = b""
            await chunks.put(_Chunk(asyncio.get_running_loop().time() + self._faults.delay_s, data))

    async def _held(self, chunk: "_Chunk") -> None:
        """Wait as long as it may not pass; for ever when this connection is dead."""
        await asyncio.sleep(chunk.due - asyncio.get_running_loop().time())
        await self._faults.flowing.wait()
        if self.dead:
            await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Bytes on their way, none at the end; ``due``: the loop's time at which they arrive."""

    due: float
    data: bytes


class Proxy:
    """The way to one server. Its verbs return when they are in force; any thread may call them."""

    def __init__(self, target_url: str, port: int, wire: Callable[[], Wire]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._thread.start()
        self._faults = Faults()
        self._relay = Relay(target_url, port, lambda: FaultyLink(self._faults, wire()))
        self.url = self._relay.url
        self.address = f"127.0.0.1:{port}"
        self.restore()

    @property
    def hits(self) -> int:
        return self._faults.hits

    @property
    def accepted(self) -> int:
        """Connections taken so far."""
        return self._relay.accepted

    def restore(self) -> None:
        async def restore() -> None:
            self._faults.delay_s = 0.0
            self._faults.flowing.set()
            await self._relay.connect()

        self._run(restore())

    def disarm(self) -> None:
        async def disarm() -> None:
            self._faults.cuts.clear()

        self._run(disarm())

    def refuse(self) -> None:
        self._run(self._relay.cut())

    def hang_up(self) -> None:
        self._run(self._relay.hang_up())

    def half_open(self) -> None:
        async def kill() -> None:
            for link in self._faults.links:
                link.dead = True

        self._run(kill())

    def silence(self) -> None:
        async def silence() -> None:
            self._faults.flowing.clear()

        self._run(silence())

    def delay(self, seconds: float) -> None:
        async def delay() -> None:
            self._faults.delay_s = seconds

        self._run(delay())

    def cut_request(self, kind: str, after_bytes: int) -> None:
        self._arm(Cut(Side.REQUEST, kind, after_bytes))

    def cut_answer(self, kind: str, after_bytes: int = 0) -> None:
        self._arm(Cut(Side.ANSWER, kind, after_bytes))

    def close(self) -> None:
        """Close everything and end the thread."""
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_VERB_S)
        self._loop.close()

    def _arm(self, cut: Cut) -> None:
        async def arm() -> None:
            self._faults.cuts.append(cut)

        self._run(arm())

    def _run(self, verb: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(verb, self._loop).result(_VERB_S)


@contextlib.contextmanager
def proxy(target_url: str, port: int, wire: Callable[[], Wire]) -> Iterator[Proxy]:
    """A way to the server at ``target_url`` (``http://…`` or ``tcp://…``), open at once, closed at the end."""
    opened = Proxy(target_url, port, wire)
    try:
        yield opened
    finally:
        opened.close()

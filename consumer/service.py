"""The sink's main loop: start, take over what is assigned, round after round, hand over, stop."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog

from consumer import failpoints, metrics
from consumer.batch import Batch
from consumer.block import assemble
from consumer.dispatch import Dispatch
from consumer.errors import Fenced, SourceUnavailable, StoreRefused, StoreUnavailable, TornBlock
from consumer.losses import Losses
from consumer.partition import Cut, Limits, Partition, State
from consumer.placement import move_into, place
from consumer.room import with_room
from consumer.settings import Settings
from consumer.shards import Shards
from consumer.source import OutOfRange, Source

_log = structlog.get_logger(__name__)

_IDLE_S = 1.0  # longest time without a look around
_RETRY_S = 0.5  # pause after Kafka did not answer
_START_RETRY_S = 1.0
_FENCED_PAUSE_S = 0.1


class Service:
    """One consumer process. ``run()`` until ``stop()``; ``trouble()`` says what keeps it from its work.

    losses   what Kafka did not have any more, since the start of the process
    """

    def __init__(self, settings: Settings, shards: Shards, source: Source) -> None:
        self._settings = settings
        self._shards = shards
        self._source = source
        self._dispatch = Dispatch(shards, settings, self._confirm)
        for store in shards.stores:
            store.confirm = self._confirm
        self._limits = Limits(settings.max_block_rows, settings.max_block_bytes, settings.flush_after_ms / 1000)
        self._stopping = asyncio.Event()
        self._generation: int | None = None
        self._partitions: dict[int, Partition] = {}
        self._deliveries: dict[asyncio.Task[None], Partition] = {}
        self._fetching: asyncio.Task[dict[int, Sequence[Batch]]] | None = None
        self._trouble: str | None = "starting"
        self.losses = Losses()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Work until ``stop()``, then finish what is in flight within ``drain_timeout_s`` and leave the group."""
        loop = asyncio.create_task(self._loop())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({loop, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        try:
            async with asyncio.timeout(self._settings.drain_timeout_s):
                await loop
        except TimeoutError:
            _log.warning("what was in flight is left to its next owner", blocks=len(self._deliveries))
        finally:
            await self._close()

    async def trouble(self) -> str | None:
        """What an operator should know: why nothing, or not everything, is being stored; None when all is well."""
        stopped = [partition.stopped_because for partition in self._partitions.values() if partition.stopped_because]
        return next(iter(stopped), None) or self._trouble or self._dispatch.trouble

    @property
    def generation(self) -> int | None:
        """Of the assignment that is worked on; None while there is none."""
        return self._generation

    @property
    def partitions(self) -> Mapping[int, Partition]:
        """The assigned partitions, by number."""
        return self._partitions

    def read_to(self) -> dict[int, int]:
        """Of each partition, the offset below which every record is taken in; none while a fetch is being taken in."""
        if self._fetching is not None and self._fetching.done():
            return {}
        return self._source.read_to(self._partitions)

    def waits_for(self, partition: Partition) -> str | None:
        """What keeps this partition's records from being stored; None when nothing does."""
        tokens = f"{self._settings.kafka_topic}-{partition.number}-"
        return partition.stopped_because or self._trouble or self._dispatch.trouble_of(tokens)

    def shards_wait_for(self) -> list[str | None]:
        """Of each shard, what some block waits for there; None when nothing does."""
        return self._dispatch.troubles()

    # Start and stop

    async def _loop(self) -> None:
        await self._until_it_works(self._shards.open)
        await self._until_it_works(self._source.start)
        self._trouble = None
        while not self._stopping.is_set():
            try:
                await self._turn()
                self._trouble = None
            except Fenced as error:
                metrics.FENCED.inc()
                _log.warning("the group moved on", reason=str(error))
                await self._give_up()
            except SourceUnavailable as error:
                self._say(str(error))
                await self._pause(_RETRY_S)
        try:
            await self._drain(None)
        except (Fenced, SourceUnavailable) as error:
            _log.warning("what was stored last is not committed: its next owner will find it", reason=str(error))

    async def _until_it_works(self, step: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            try:
                await step()
            except (StoreUnavailable, StoreRefused, SourceUnavailable) as error:
                self._say(str(error))
                await self._pause(_START_RETRY_S)
            else:
                return

    async def _close(self) -> None:
        await self._forget()
        await self._source.stop()
        await self._shards.close()

    # One turn of the loop

    async def _turn(self) -> None:
        self._source.changed.clear()
        if self._source.revoking:
            await self._hand_over()
        elif self._source.generation != self._generation:
            await self._forget()
            await self._take_over()
        else:
            await self._round()

    async def _round(self) -> None:
        """Wait for something to happen, then finish, plan and commit, and start what is committed."""
        self._receive(await self._wait())
        self._finish()
        self._begin_again()
        self._plan()
        await self._commit()
        self._begin()
        self._dispatch.measure()
        metrics.BUFFERED_BYTES.set(sum(partition.buffered_bytes for partition in self._partitions.values()))

    async def _wait(self) -> dict[int, Sequence[Batch]]:
        """Until records arrive, a delivery ends, a block is due, or the assignment changes."""
        self._fetch()
        changed = asyncio.create_task(self._source.changed.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        awaited = {changed, stopping, *self._deliveries} | ({self._fetching} if self._fetching else set())
        try:
            await asyncio.wait(awaited, timeout=self._until_due(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            stopping.cancel()
        if self._fetching is None or not self._fetching.done():
            return {}
        fetched, self._fetching = self._fetching, None
        try:
            return fetched.result()
        except OutOfRange as error:
            await self._move_into_log(error.partitions)
            return {}

    def _fetch(self) -> None:
        if self._fetching is not None:
            return
        partitions = with_room(self._partitions.values(), len(self._shards), self._settings.max_buffered_bytes)
        wanted = [partition.number for partition in partitions]
        if wanted:
            self._fetching = asyncio.create_task(self._source.fetch(wanted, round(_IDLE_S * 1000)))

    def _until_due(self) -> float:
        moments = [moment for partition in self._partitions.values() if (moment := partition.due_at()) is not None]
        return min(_IDLE_S, max(0.0, min(moments) - time.monotonic())) if moments else _IDLE_S

    def _receive(self, fetched: dict[int, Sequence[Batch]]) -> None:
        now = time.monotonic()
        for number, batches in fetched.items():
            self._partitions[number].add(batches, now)

    def _finish(self) -> None:
        for task in [task for task in self._deliveries if task.done()]:
            partition = self._deliveries.pop(task)
            try:
                task.result()
            except TornBlock as error:
                _log.error("a partition is stopped", partition=partition.number, reason=str(error))
                partition.stop(str(error))
            else:
                partition.finish()

    def _begin_again(self) -> None:
        for number, partition in self._partitions.items():
            if (start := partition.begun_again()) is not None:
                self._source.seek(number, start)

    def _plan(self) -> None:
        now = time.monotonic()
        for partition in self._partitions.values():
            due_at = partition.due_at()
            if due_at is not None and due_at <= now:
                partition.plan(now)
                failpoints.reached("before-intent")

    async def _commit(self) -> None:
        """One OffsetCommit for every partition whose position changed: ends of stored blocks and new intents alike."""
        dirty = {number: partition.position for number, partition in self._partitions.items() if partition.is_dirty}
        if not dirty or self._generation is None:
            return
        await self._source.commit(self._generation, dirty)
        failpoints.reached("after-commit")
        for number, position in dirty.items():
            self._partitions[number].saved = position

    def _begin(self) -> None:
        for partition in self._partitions.values():
            if partition.state is State.PLANNED and not partition.is_dirty:
                failpoints.reached("after-intent")
                task = asyncio.create_task(self._store_block(partition.number, partition.begin()))
                self._deliveries[task] = partition

    async def _store_block(self, number: int, cut: Cut) -> None:
        block = assemble(self._settings.kafka_topic, number, cut.start, cut.end, cut.batches)
        refused = await self._dispatch.to(cut).deliver(block, begun=cut.begun)
        metrics.BLOCKS.inc()
        metrics.BLOCK_ROWS.observe(cut.rows)
        metrics.RECORDS_STORED.inc(block.actions - refused)
        metrics.DEAD_LETTERED.inc(block.dead_letters)

    async def _confirm(self) -> None:
        """That what is being delivered is still ours; a delivery whose assignment is over has been cancelled."""
        if self._generation is None:
            raise Fenced("the partitions were given up")
        await self._source.confirm(self._generation)

    # Assignments

    async def _take_over(self) -> None:
        """Read what is committed for each assigned partition, and go on from there."""
        generation = self._source.generation
        if generation is None:
            await self._pause(_IDLE_S)
            return
        positions = await self._source.positions()
        bounds = await self._source.log_bounds(list(positions))
        new = [number for number, position in positions.items() if position is None]
        known = dict(zip(new, await asyncio.gather(*map(self._shards.known, new)), strict=True))
        if self._source.generation != generation:
            return
        for number, position in positions.items():
            shard, known_before = self._shards.shard_of(number), known.get(number, False)
            partition = place(number, position, bounds[number], self._limits, self.losses, shard, known=known_before)
            self._source.seek(number, partition.next_offset)
            self._partitions[number] = partition
        self._generation = generation
        metrics.REBALANCES.inc()
        _log.info("partitions assigned", partitions=sorted(positions), generation=generation)

    async def _move_into_log(self, numbers: Iterable[int]) -> None:
        """The next offset is not in the log: retention passed it, or the log was cut or made again."""
        for number, bounds in (await self._source.log_bounds(list(numbers))).items():
            partition = self._partitions[number]
            move_into(partition, bounds, self.losses, reached=partition.next_offset)
            self._source.seek(number, partition.next_offset)

    async def _hand_over(self) -> None:
        """The partitions are being taken away: finish what is in flight while the others wait, then let go."""
        try:
            await self._drain(self._settings.rebalance_drain_s)
        finally:
            await self._forget()
            self._source.release()

    async def _give_up(self) -> None:
        """Fenced: let go at once, unless the next assignment is already there."""
        generation = self._generation
        await self._forget()
        if self._source.generation == generation:
            self._source.release()
        await self._pause(_FENCED_PAUSE_S)

    async def _drain(self, timeout_s: float | None) -> None:
        """Wait for the inserts in flight and commit their ends."""
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=timeout_s)
        self._finish()
        await self._commit()

    async def _forget(self) -> None:
        """Drop all that was collected and begun; the committed positions say where the next owner goes on."""
        tasks: list[asyncio.Task[object]] = [*self._deliveries, *([self._fetching] if self._fetching else [])]
        self._deliveries, self._fetching, self._partitions, self._generation = {}, None, {}, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Small things

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("waiting", reason=trouble)
        self._trouble = trouble

    async def _pause(self, seconds: float) -> None:
        """Until the time has passed, the assignment changes, or it is time to stop."""
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, self._source.changed)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*waits, return_exceptions=True)

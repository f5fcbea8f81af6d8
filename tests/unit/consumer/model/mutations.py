"""The protocol with one step taken out, each time another one; docs/reliability.md names them beside the invariants.

The steps are taken out by subclasses of the real classes, so that everything else stays what runs in production.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

from aiokafka import TopicPartition
from aiokafka.errors import IllegalGenerationError, KafkaError, UnknownMemberIdError
from aiokafka.structs import OffsetAndMetadata

from consumer.block import Block, SubBlock, assemble
from consumer.delivery import Delivery
from consumer.dispatch import Dispatch
from consumer.errors import Fenced, StoreRefused, StoreUnavailable
from consumer.intent import Position
from consumer.losses import Losses
from consumer.partition import Cut, Partition, State
from consumer.settings import Settings
from consumer.shards import Shards
from consumer.store import Presence
from consumer.topic_record import TopicRecord
from contract.tables import ACTIONS, DEAD_LETTERS
from tests.unit.consumer.model.clickhouse import Engine, ModelStore
from tests.unit.consumer.model.kafka_clients import ModelSource
from tests.unit.consumer.model.network import Kind, Link
from tests.unit.consumer.model.process import SETTINGS, ModelService, Protocol

# The partition


class NoIntent(Partition):
    def plan(self, now: float) -> None:
        super().plan(now)
        self.position = self.saved


class OtherCut(Partition):
    """Found begun, the block is cut by the limits like any other; it is read back all the same."""

    def plan(self, now: float) -> None:
        found, self._found_intent = self._found_intent, None
        super().plan(now)
        assert self.cut is not None
        self.cut = replace(self.cut, begun=found is not None)


class NotReadBack(Partition):
    def begin(self) -> Cut:
        return replace(super().begin(), begun=False)


class ShardForgotten(Partition):
    """A begun block goes where its partition goes now, whatever its intent says."""

    def plan(self, now: float) -> None:
        if self.recovering:
            self.position = replace(self.position, shard=self.shard)
        super().plan(now)


class EndAhead(Partition):
    def begin(self) -> Cut:
        cut = super().begin()
        self.position = Position(cut.end)
        return cut


# The store


class RepeatsBelieved(ModelStore):
    """A repeat that is answered with 200 is taken for stored, as a first attempt is."""

    def __init__(self, settings: Settings, engine: Engine, link: Link) -> None:
        super().__init__(settings, engine, link)
        self.answered: set[str] = set()

    async def insert(self, part: SubBlock, token: str) -> None:
        await super().insert(part, token)
        self.answered.add(part.token)

    async def presence(self, part: SubBlock) -> Presence:
        return Presence.ALL if part.token in self.answered else await super().presence(part)


class NoReadBack(RepeatsBelieved):
    async def presence(self, part: SubBlock) -> Presence:
        return Presence.ALL if part.token in self.answered else Presence.NONE


class DeadLettersMayFail(ModelStore):
    async def insert(self, part: SubBlock, token: str) -> None:
        try:
            await super().insert(part, token)
        except (StoreUnavailable, StoreRefused):
            if part.table != DEAD_LETTERS:
                raise


class RefusedRowsDropped(ModelStore):
    """A row that ClickHouse refused is not kept anywhere else."""

    async def insert(self, part: SubBlock, token: str) -> None:
        if "/dead-" not in part.token:
            await super().insert(part, token)


class NoKill(ModelStore):
    async def kill(self, token: str) -> None:
        """Earlier attempts go on while the truth is read back."""


class SameToken(ModelStore):
    async def insert(self, part: SubBlock, token: str) -> None:
        await self._link.ask(Kind.INSERT, self._engine.insert(part, part.token, query_id=token))


class NoToken(ModelStore):
    """ClickHouse deduplicates by the bytes of the rows."""

    async def insert(self, part: SubBlock, token: str) -> None:
        await self._link.ask(Kind.INSERT, self._engine.insert(part, "", query_id=token))


class FreshTokens(ModelStore):
    def __init__(self, settings: Settings, engine: Engine, link: Link) -> None:
        super().__init__(settings, engine, link)
        self._attempts = 0

    async def insert(self, part: SubBlock, token: str) -> None:
        self._attempts += 1
        program = self._engine.insert(part, f"{token}-{self._link.owner}-{self._attempts}", query_id=token)
        await self._link.ask(Kind.INSERT, program)


# The source


class Impatient(ModelSource):
    """No mutation: the time for handing over is always up at once. The protocol must not need it."""

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.release()


class RetriedCommits(Impatient):
    """Repeated until it is answered, each time for the generation that the group is at by then: aiokafka's commit()."""

    async def commit(self, generation: int, positions: Mapping[int, Position]) -> None:
        while True:
            try:
                await self._attempt(positions)
            except (UnknownMemberIdError, IllegalGenerationError) as error:
                raise Fenced(str(error)) from error
            except KafkaError:
                await asyncio.sleep(0.1)
            else:
                return

    async def _attempt(self, positions: Mapping[int, Position]) -> None:
        coordinator = self._consumer._coordinator
        offsets = {self._tp(key): OffsetAndMetadata(at.committed, at.metadata) for key, at in positions.items()}
        await coordinator.ensure_coordinator_known()
        await coordinator._do_commit_offsets(None, offsets)


class NoGenerationIsGoodEnough(RetriedCommits):
    """A member without a generation commits too: Kafka takes its -1 while the group is empty."""

    async def commit(self, generation: int, positions: Mapping[int, Position]) -> None:
        if self._consumer._coordinator.generation < 0:
            await super().commit(generation, positions)
        else:
            await ModelSource.commit(self, generation, positions)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await ModelSource.on_partitions_revoked(self, revoked)


class DoubtNotRead(ModelSource):
    """The next owner takes what Kafka says for all that is stored."""

    async def positions(self) -> dict[int, Position | None]:
        found = await super().positions()
        return {number: position and replace(position, doubt_below=0) for number, position in found.items()}


# The service


class OnlyItsShard(ModelService):
    """A block in doubt is looked for on its partition's shard only."""

    def __init__(self, protocol: Protocol, shards: Shards, source: ModelSource) -> None:
        super().__init__(protocol, shards, source)
        self._dispatch = WithoutDoubt(shards, SETTINGS, self._confirm)


class WithoutDoubt(Dispatch):
    def to(self, cut: Cut) -> Delivery:
        return super().to(replace(cut, in_doubt=False))


class KeptState(ModelService):
    """After a rebalance a process goes on with what it remembers of a partition."""

    async def _forget(self) -> None:
        collecting = {key: kept for key, kept in self._partitions.items() if kept.state is State.COLLECTING}
        self._remembered = getattr(self, "_remembered", {}) | collecting
        await super()._forget()

    async def _take_over(self) -> None:
        await super()._take_over()
        for number in self._partitions.keys() & getattr(self, "_remembered", {}).keys():
            self._partitions[number] = self._remembered[number]
            self._source.seek(number, self._remembered[number].next_offset)


class WholeMonths(ModelService):
    """The months of a block are one insert."""

    async def _store_block(self, number: int, cut: Cut) -> None:
        block = assemble(SETTINGS.kafka_topic, number, cut.start, cut.end, cut.batches)
        await self._dispatch.to(cut).deliver(replace(block, sub_blocks=_joined(block)), begun=cut.begun)


def _joined(block: Block) -> tuple[SubBlock, ...]:
    months = [part for part in block.sub_blocks if part.table == ACTIONS]
    others = [part for part in block.sub_blocks if part.table != ACTIONS]
    if not months:
        return tuple(others)
    ids = "".join(part.ids for part in months)
    sources = tuple(record for part in months for record in cast("tuple[TopicRecord, ...]", part.sources))
    whole = replace(months[0], ids=ids, read=lambda: sources, body=b"".join(part.body for part in months))
    return (whole, *others)


class Silent(Losses):
    def deleted_unread(self, partition: int, lost: int) -> None:
        """Nobody is told."""


class SilentLosses(ModelService):
    def __init__(self, protocol: Protocol, shards: Shards, source: ModelSource) -> None:
        super().__init__(protocol, shards, source)
        self.losses = Silent()


# What is taken out: the protocol without it, and the invariants of which at least one must break.
MUTATIONS: Final[dict[str, tuple[Protocol, set[int]]]] = {
    "no intent before the insert": (Protocol(partition=NoIntent), {1}),
    "recovery cuts another block": (Protocol(partition=OtherCut), {1}),
    "no read-back on recovery": (Protocol(partition=NotReadBack), {2}),
    "a begun block goes to the partition's own shard": (Protocol(partition=ShardForgotten), {1}),
    "the end is committed before the block is stored": (Protocol(partition=EndAhead), {2}),
    "no read-back at all": (Protocol(store=NoReadBack), {2}),
    "no read-back after a repeat": (Protocol(store=RepeatsBelieved), {2}),
    "a dead letter may fail": (Protocol(store=DeadLettersMayFail), {2}),
    "refused rows are dropped": (Protocol(store=RefusedRowsDropped), {2}),
    "no kill before the read-back": (Protocol(store=NoKill), {5}),
    "the same token after a read-back that found nothing": (Protocol(store=SameToken), {5}),
    "no token": (Protocol(store=NoToken), {5}),
    "a fresh token at each attempt": (Protocol(store=FreshTokens), {1}),
    "tokens are forgotten at once": (Protocol(window=1), {1}),
    "commits are not bound to the generation": (Protocol(source=RetriedCommits), {1, 2, 3}),
    "the generation -1 is not refused here": (Protocol(source=NoGenerationIsGoodEnough), {1, 2, 3}),
    "nothing is forgotten on a rebalance": (Protocol(service=KeptState), {1, 2, 3}),
    "months are not split": (Protocol(service=WholeMonths), {4}),
    "losses are not told": (Protocol(service=SilentLosses), {2}),
}

"""aiokafka's clients over the model's Kafka, and the real source over them."""

import asyncio
import contextlib
from collections.abc import Sequence

from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata

from consumer.settings import Settings
from consumer.source import Source
from tests.unit.consumer.model.kafka import Broker, Group, LeaveAnswer, Offsets, Seat
from tests.unit.consumer.model.network import Kind, Link
from tests.unit.consumer.records import Record


class FakeCoordinator:
    """The client's side of the group, with the names that the source uses of aiokafka's."""

    def __init__(self, group: Group, broker: Broker, link: Link) -> None:
        self.generation = -1
        self.member = ""
        self.rejoin = asyncio.Event()
        self._known = True
        self._group = group
        self._broker = broker
        self._link = link

    def reset(self) -> None:
        """The group does not know this member or its generation any more."""
        self.generation, self.member = -1, ""
        self.rejoin.set()

    reset_generation = reset

    @property
    def member_id(self) -> str:
        return self.member

    async def _send_req(self, request: LeaveGroupRequest) -> LeaveAnswer:
        try:
            return await self._link.ask(Kind.LEAVE, self._group.leave(request._member_id))
        except KafkaError:
            self._known = False
            raise

    async def _do_heartbeat(self) -> bool:
        try:
            await self._link.ask(Kind.LOG, self._group.confirm(self.member, self.generation))
        except (UnknownMemberIdError, IllegalGenerationError):
            self.reset()
            return False
        except KafkaError:
            self._known = False
            return False
        return True

    def heartbeat(self) -> None:
        if self.member and not self._group.knows(self.member):
            self.reset()
        elif self.member and self._group.awaits(self.member):
            self.rejoin.set()

    async def ensure_coordinator_known(self) -> None:
        if not self._known:
            await self._link.ask(Kind.LOG, self._broker.lookup())
            self._known = True

    async def _do_commit_offsets(self, assignment: None, offsets: Offsets) -> None:
        request = self._group.commit(self.member, self.generation, offsets)
        try:
            await self._link.ask(Kind.COMMIT, request)
        except (UnknownMemberIdError, IllegalGenerationError):
            self.reset()
            raise
        except RebalanceInProgressError:
            self.rejoin.set()
            raise
        except KafkaError:
            self._known = False
            raise


class FakeConsumer:
    """aiokafka's consumer: fetches from positions, takes part in rebalances as ``__coordination_routine`` does."""

    def __init__(self, broker: Broker, link: Link, listener: Source) -> None:
        self.grown = asyncio.Event()
        self._broker = broker
        self._link = link
        self._listener = listener
        self._coordinator = FakeCoordinator(broker.group, broker, link)
        self._assigned: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._membership: asyncio.Task[None] | None = None
        self._joins = 0

    async def start(self) -> None:
        self._membership = asyncio.create_task(self._take_part())

    async def stop(self) -> None:
        if self._membership is not None:
            self._membership.cancel()
        if not self._link.cut:
            self._broker.group.drop(self._coordinator.member)

    def heartbeat(self) -> None:
        self._coordinator.heartbeat()

    def end_session(self) -> None:
        """The group has not heard of it for too long."""
        self._broker.group.drop(self._coordinator.member)

    async def _take_part(self) -> None:
        coordinator = self._coordinator
        while True:
            await self._listener.on_partitions_revoked(self._assigned)
            seat = await self._join()
            if seat is None:
                continue
            coordinator.generation = seat.generation
            self._assigned, self._positions = set(seat.partitions), {}
            await self._listener.on_partitions_assigned(self._assigned)
            await coordinator.rejoin.wait()

    async def _join(self) -> Seat | None:
        coordinator, group = self._coordinator, self._broker.group
        coordinator.rejoin.clear()
        if not group.knows(coordinator.member):
            group.drop(self._name())  # what it was before: nobody answers for that member any more
            self._joins += 1
            coordinator.member = self._name()
        seat = group.join(coordinator.member)
        await seat.formed.wait()
        return seat if group.knows(coordinator.member) else None

    def _name(self) -> str:
        return f"{self._link.owner}.{self._joins}"

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[list[Record]]]:
        records = self._read(partitions)
        if not records:
            self.grown.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_ms / 1000):
                    await self.grown.wait()
            records = self._read(partitions)
        return {tp: [some] for tp, some in records.items()}

    def _read(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, list[Record]]:
        if not set(partitions) <= self._assigned:
            raise IllegalStateError("not assigned")
        asked = {tp: self._positions[tp] for tp in partitions if tp in self._positions}
        outside = {
            tp: at for tp, at in asked.items() if not self._broker.logs[tp].start <= at <= self._broker.logs[tp].end
        }
        if outside:
            raise OffsetOutOfRangeError(outside)
        answer = {tp: records for tp, at in asked.items() if (records := self._broker.logs[tp].read(at))}
        self._positions |= {tp: records[-1].offset + 1 for tp, records in answer.items()}
        return answer

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self._assigned:
            raise IllegalStateError("not assigned")
        self._positions[tp] = offset

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._link.ask(Kind.LOG, self._broker.starts(partitions))

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._link.ask(Kind.LOG, self._broker.ends(partitions))


class FakeAdmin:
    """aiokafka's admin client: reads committed offsets with their metadata, bound to no generation."""

    def __init__(self, broker: Broker, link: Link) -> None:
        self._broker = broker
        self._link = link

    async def list_consumer_group_offsets(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        return await self._link.ask(Kind.POSITIONS, self._broker.offsets(partitions))

    async def close(self) -> None:
        """Nothing is held."""


class ModelSource(Source):
    """The real source over the fake clients."""

    def __init__(self, settings: Settings, broker: Broker, link: Link) -> None:
        super().__init__(settings)
        self._broker = broker
        self._link = link
        self._member: FakeConsumer | None = None  # also after its death, which the group does not hear of

    async def _start_admin(self, options: dict[str, object]) -> None:
        self._admin = FakeAdmin(self._broker, self._link)

    async def _start_consumer(self, options: dict[str, object]) -> None:
        self._consumer = self._member = FakeConsumer(self._broker, self._link, self)
        await self._consumer.start()

    def log_end(self, partition: int) -> int:
        return self._broker.logs[self._tp(partition)].end

    def heartbeat(self) -> None:
        if self._consumer is not None:
            self._consumer.heartbeat()

    def end_session(self) -> None:
        if self._member is not None:
            self._member.end_session()

    def wake(self) -> None:
        """Records have come."""
        if self._consumer is not None:
            self._consumer.grown.set()

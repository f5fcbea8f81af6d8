"""Processes of the sink, Kafka, ClickHouse and whatever may befall them, as steps of a schedule.

Between two requests a process is deterministic and touches nothing that others see. So the steps are at requests: which
one a server carries out, how far, whether its answer comes, and who dies, sleeps or takes over meanwhile. Every step is
possible in every state (it does nothing where it does not apply), so that a schedule can be shortened freely.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import TopicPartition

from consumer.dead_letters import DeadLetter
from consumer.errors import StoreRefused
from contract.record import encode
from tests.unit.consumer.model.clickhouse import Engine
from tests.unit.consumer.model.invariants import Books, Violation
from tests.unit.consumer.model.kafka import Broker
from tests.unit.consumer.model.network import TO_THE_END, Kind, Request
from tests.unit.consumer.model.process import SETTINGS, Process, Protocol, Servers, cut_connection
from tests.unit.consumer.model.virtual_time import virtual_time
from tests.unit.consumer.records import action

# One step of a schedule: the name of a method of World, and its arguments.
Step = tuple[str, *tuple[int | str, ...]]

PARTITIONS = 2
_MOST_PROCESSES = 4
_ROUNDS_TO_STOP = 6
_ROUNDS_WITHOUT_PROGRESS = 100
_QUIET_ROUNDS = 6
_MOST_SHARDS = 3
_TIMES = {"march": datetime(2026, 3, 31, 23, tzinfo=UTC), "april": datetime(2026, 4, 1, 1, tzinfo=UTC)}

RECORDS = ("march", "april", "bad", "poison", "resent", "gap")
AFTERWARDS = ("the other stays", "the other leaves")
FAULTS = (
    "request lost",
    "answer lost",
    "late",
    "running",
    "token written",
    "rows written",
    "hole",
    "refused",
    "crash before",
    "crash after",
    "freeze before",
    "freeze running",
    "freeze after",
)


class World:
    """All of it, under one protocol. Starts with one process."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        broker = Broker(SETTINGS.kafka_topic, PARTITIONS)
        self._offsets_of_ids: dict[str, int] = {}
        self._servers = Servers(broker, Engine(self._offsets_of_ids, protocol.window), reordering=protocol.reordering)
        self._books = Books(self._servers, reordering=protocol.reordering)
        self._processes: list[Process] = []
        self.start()

    def do(self, step: Step) -> None:
        name, *arguments = step
        getattr(self, str(name))(*arguments)
        self._books.check()

    # What the world does by itself

    def produce(self, partition: int, *kinds: str) -> None:
        for kind in kinds:
            self._produce(partition, kind)
        for process in self._processes:
            if process.alive:
                process.source.wake()

    def _produce(self, partition: int, what: str) -> None:
        log = self._servers.broker.logs[TopicPartition(SETTINGS.kafka_topic, partition)]
        if what == "gap":
            log.skip()
            return
        event_id = str(UUID(int=(partition << 32) + log.end))
        if what == "resent":
            event_id, what = self._books.an_earlier(partition, event_id)
        time = _TIMES.get(what, _TIMES["march"])
        value = b"no action" if what == "bad" else encode(action(event_id=event_id, time=time))
        record = log.append(value)
        dead_id = DeadLetter.of(SETTINGS.kafka_topic, partition, record, "").event_id
        self._offsets_of_ids[dead_id] = record.offset
        if what == "poison":
            self._servers.engines[0].poison.add(event_id)  # every shard's tables have the same rules
        self._books.produced(partition, record.offset, dead_id if what in ("bad", "poison") else event_id, what)

    def merge(self) -> None:
        for engine in self._servers.engines:
            engine.merge()

    def grow(self) -> None:
        """One shard more, for processes that start from now on: others go on with the shards that they know."""
        first = self._servers.engines[0]
        if len(self._servers.engines) < _MOST_SHARDS:
            self._servers.engines.append(Engine(self._offsets_of_ids, self._protocol.window, first.poison))

    def delete(self, partition: int, count: int) -> None:
        """Retention passes the oldest offsets; it is slower than any request and any sleeper."""
        if any(process.frozen for process in self._processes) or self._servers.network.orphans():
            return
        if any(request.kind is Kind.INSERT for process in self._processes for request in self._pending(process)):
            return
        log = self._servers.broker.logs[TopicPartition(SETTINGS.kafka_topic, partition)]
        log.delete_before(log.start + count)
        self._books.deleted(partition, log.start)

    def expire(self) -> None:
        """Kafka forgets a group's offsets when it has been empty for long (offsets.retention.minutes, 7 days)."""
        self._servers.broker.group.expire()
        self._books.expired()

    def restart(self) -> None:
        """Every shard is killed and starts again; whoever waits for a running insert is told."""
        for engine in self._servers.engines:
            engine.restart()
        for request in self._servers.network.of({process.name for process in self._processes}):
            if request.kind is Kind.INSERT and request.begun:
                request.run()
                request.answer()

    def arrive(self, which: int, steps: int) -> None:
        """A request that nobody waits for, or whose sender sleeps, gets on."""
        frozen = {process.name for process in self._processes if process.frozen}
        late = [*self._servers.network.orphans(), *(r for r in self._servers.network.of(frozen) if r.waiting)]
        if late:
            self._servers.network.get_on(late[which % len(late)], steps)

    # What befalls a process

    def go(self, who: int, rounds: int) -> None:
        for _ in range(rounds):
            for process in self._chosen(who):
                process.round()

    def tick(self, who: int) -> None:
        """Time passes for a process although its requests are not answered."""
        for process in self._chosen(who):
            process.loop.advance()
            process.settle()

    def fault(self, who: int, kind: str, fault: str) -> None:
        for process in self._chosen(who):
            request = process.until(Kind(kind))
            if request is not None:
                self._strike(process, request, fault)

    def _strike(self, process: Process, request: Request, fault: str) -> None:
        match fault:
            case "request lost":
                request.fail(cut_connection(request.kind))
                request.drop()
            case "answer lost" | "late" | "running" | "token written" | "rows written":
                steps = {"late": 0, "running": 1, "token written": 2, "rows written": 3}
                self._servers.network.get_on(request, steps.get(fault, TO_THE_END))
                request.fail(cut_connection(request.kind))
            case "hole":
                self._servers.network.get_on(request, 2)
                self.restart()
            case "refused" if request.kind is Kind.INSERT:
                request.fail(StoreRefused("60: no such table", 60))
                request.drop()
            case "crash before" | "crash after":
                self._servers.network.get_on(request, TO_THE_END if fault == "crash after" else 0)
                process.crash()
            case "freeze before" | "freeze running" | "freeze after":
                self._servers.network.get_on(request, {"freeze before": 0, "freeze running": 1}.get(fault, TO_THE_END))
                process.frozen = True
        if process.awake:
            process.settle()

    def start(self) -> None:
        """One process more; the sessions of the dead have ended by now."""
        self._end_sessions(lambda process: process.dead)
        if sum(process.alive for process in self._processes) < _MOST_PROCESSES:
            self._processes.append(Process(f"process-{len(self._processes)}", self._protocol, self._servers))
            self._processes[-1].settle()

    def evict(self) -> None:
        """The sessions of all that are dead or asleep end."""
        self._end_sessions(lambda process: process.dead or process.frozen)

    def freeze(self, who: int) -> None:
        for process in self._chosen(who):
            process.frozen = True

    def thaw(self) -> None:
        """The sleepers wake; the answers that came meanwhile lie ready for them."""
        for process in self._processes:
            process.frozen = False

    def oversleep(self, who: int, rounds: int, afterwards: str) -> None:
        """A process sleeps while another takes over and works, and perhaps leaves; the first it hears is that it is
        no member any more."""
        if not any(process.frozen for process in self._processes):
            self.freeze(who)
        self.evict()
        self.start()
        self.go(0, rounds)
        if afterwards == "the other leaves":
            self.stop(0)
            self.go(0, _ROUNDS_TO_STOP)
        sleepers = [process for process in self._processes if process.frozen]
        self.thaw()
        for process in sleepers:
            process.hear()

    def stop(self, who: int) -> None:
        for process in self._chosen(who):
            process.stop()

    # Afterwards

    def heal(self) -> None:
        """No more faults: an owner must finish while the others sleep; then they wake, and nothing may change."""
        self.evict()
        for request in self._servers.network.of({process.name for process in self._processes}):
            asleep = any(process.frozen for process in self._processes if process.name == request.owner)
            if request.begun and (request.steps > 1 or not asleep):
                self._get_to_its_end(request)
        self._finish()
        self.thaw()
        for request in self._servers.network.orphans():
            request.run()
        for partition in range(PARTITIONS):
            self.produce(partition, "march")
        self._finish()
        self._books.close()

    def _get_to_its_end(self, request: Request) -> None:
        request.run()
        request.answer()

    def _finish(self) -> None:
        quiet = stuck = 0
        before = ""
        while stuck < _ROUNDS_WITHOUT_PROGRESS:
            if not any(process.awake for process in self._processes):
                self.start()
            for process in [process for process in self._processes if process.awake]:
                process.round()
            self._books.check()
            position = self._books.position()
            before, stuck = position, stuck + 1 if position == before else 0
            quiet = quiet + 1 if self._books.is_finished() else 0
            if quiet == _QUIET_ROUNDS:
                return
        raise Violation(5, f"nothing is broken any more, and the sink does not finish: {self._books.position()}")

    @property
    def ends(self) -> list[Exception | None]:
        """What each process ended with so far: None for one that goes on, died or ended in peace."""
        return [process.ended_with for process in self._processes]

    def close(self) -> None:
        for process in self._processes:
            if process.alive:
                process.crash()

    def _chosen(self, who: int) -> Sequence[Process]:
        awake = [process for process in self._processes if process.awake]
        return awake[who % len(awake) :][:1] if awake else []

    def _pending(self, process: Process) -> list[Request]:
        return self._servers.network.pending(process.name)

    def _end_sessions(self, ended: Callable[[Process], bool]) -> None:
        for process in self._processes:
            if ended(process):
                process.source.end_session()


def run(protocol: Protocol, schedule: Sequence[Step]) -> list[Exception | None]:
    """Carry the schedule out and heal: what each process ended with. Raises Violation with the invariant that broke."""
    with virtual_time():
        world = World(protocol)
        try:
            for step in schedule:
                world.do(step)
            world.heal()
        except Exception as error:
            error.add_note(f"schedule = {list(schedule)}")
            raise
        finally:
            world.close()
        return world.ends

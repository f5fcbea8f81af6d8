"""What must hold, in every state and at the end. docs/reliability.md says why, under the same numbers."""

from collections import Counter, defaultdict

from consumer import metrics
from consumer.intent import Position
from contract.tables import ACTIONS, DEAD_LETTERS
from tests.unit.consumer.model.process import Servers


class Violation(AssertionError):  # noqa: N818 - it reads as a finding
    """An invariant does not hold."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"I{number}: {what}")
        self.number = number


class Books:
    """What was produced, against what Kafka and ClickHouse hold."""

    def __init__(self, servers: Servers, *, reordering: bool) -> None:
        self._servers = servers
        self._reordering = reordering
        self._produced: dict[int, dict[int, tuple[str, str]]] = defaultdict(dict)  # partition: offset: id, kind
        self._begins: dict[int, int] = {}
        self._highest: dict[int, int] = {}
        self._lost_before = _counted_lost()

    def produced(self, partition: int, offset: int, event_id: str, what: str) -> None:
        self._produced[partition][offset] = event_id, what

    def deleted(self, partition: int, log_start: int) -> None:
        """By retention. A group that has committed nothing yet begins where the log begins, and misses nothing."""
        if partition not in self._servers.broker.group.committed:
            self._begins[partition] = log_start

    def expired(self) -> None:
        """Kafka has forgotten the offsets."""
        self._highest = {}

    def an_earlier(self, partition: int, otherwise: str) -> tuple[str, str]:
        """Id and kind of the partition's first action: a client sends it again; a new one while there is none."""
        actions = [(key, what) for key, what in self._produced[partition].values() if what in ("march", "april")]
        return actions[0] if actions else (otherwise, "march")

    def check(self) -> None:
        """The invariants of every state."""
        self._nothing_twice()
        self._nothing_torn()
        stored = self._stored()
        for partition, offset in self._committed().items():
            self._nothing_skipped(partition, offset, stored)
            self._never_back(partition, offset)

    def close(self) -> None:
        """The invariants of the end, when every record has been passed."""
        if not self.is_finished():
            raise Violation(5, f"not all is committed: {self.position()}")
        self.check()

    def is_finished(self) -> bool:
        """Every record that Kafka has is passed, and no block is begun of which it has any."""
        group = self._servers.broker.group
        for tp, log in self._servers.broker.logs.items():
            found = group.committed.get(tp.partition)
            position = Position.read(found.offset, found.metadata) if found else Position(0)
            if log.rest(position.committed) or (position.intent or 0) > log.start:
                return False
        return group.settled

    def position(self) -> str:
        rows = [sorted(engine.inserted) for engine in self._servers.engines]
        return f"committed {self._servers.broker.group.committed}, rows of each shard {rows}"

    def _committed(self) -> dict[int, int]:
        return {number: offset.offset for number, offset in self._servers.broker.group.committed.items()}

    def _stored(self) -> set[tuple[str, str]]:
        return {(row.table, row.event_id) for engine in self._servers.engines for row in engine.rows}

    def _nothing_twice(self) -> None:
        inserted = sum((engine.inserted for engine in self._servers.engines), Counter[tuple[int, int]]())
        twice = [position for position, times in inserted.items() if times > 1]
        if twice:
            raise Violation(1, f"stored more than once: (partition, offset) {twice}")

    def _nothing_torn(self) -> None:
        torn = set[str]().union(*(engine.torn for engine in self._servers.engines))
        if torn:
            raise Violation(4, f"a reader could see a part of an insert: {torn}")

    def _nothing_skipped(self, partition: int, committed: int, stored: set[tuple[str, str]]) -> None:
        """Below the committed offset all is stored, or was deleted by retention and counted as lost."""
        missing = []
        for offset, (event_id, what) in self._produced[partition].items():
            table = DEAD_LETTERS if what in ("bad", "poison") else ACTIONS
            if self._begins.get(partition, 0) <= offset < committed and (table, event_id) not in stored:
                missing.append(offset)
        if not missing:
            return
        [log] = [log for tp, log in self._servers.broker.logs.items() if tp.partition == partition]
        if any(offset >= log.start for offset in missing) or len(missing) > self._lost(partition):
            raise Violation(2, f"partition {partition} is committed up to {committed}, and {missing} are nowhere")

    def _never_back(self, partition: int, committed: int) -> None:
        if committed < self._highest.get(partition, 0) and not self._reordering:
            raise Violation(3, f"partition {partition} was committed to {self._highest[partition]}, now {committed}")
        self._highest[partition] = max(committed, self._highest.get(partition, 0))

    def _lost(self, partition: int) -> float:
        return _counted_lost().get(str(partition), 0) - self._lost_before.get(str(partition), 0)


def _counted_lost() -> dict[str, float]:
    """Records called lost by this process so far, by partition: what an operator sees."""
    samples = (sample for metric in metrics.RECORDS_LOST.collect() for sample in metric.samples)
    return {sample.labels["partition"]: sample.value for sample in samples if sample.name.endswith("_total")}

"""What users had erased, as the audit counts it and the rebuild leaves it out, on the real topic and tables."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from pydantic import SecretStr

from consumer.audit import Wanted as Audited
from consumer.audit import audit
from consumer.audit_report import Report
from consumer.block import build
from consumer.intent import Position
from consumer.log_reader import LogReader
from consumer.rebuild import Rebuild, Wanted, rebuild
from consumer.rebuild_store import RebuildStore
from consumer.settings import Settings
from consumer.store import Store
from tests.integration.consumer import topic
from tests.integration.consumer.sinks import counted, start
from tests.namespace import Namespace
from tests.stack import StartService
from tests.unit.consumer.records import NOON, Record, action, record

ROWS = "SELECT countIf(user_id = 'gone'), countIf(user_id = 'kept'), count() FROM {db}.actions"


@pytest.fixture
def admin(settings: Settings, namespace: Namespace) -> Settings:
    user = namespace.infra.admin
    return settings.model_copy(
        update={"clickhouse_user": user.name, "clickhouse_password": SecretStr(user.password), "max_block_rows": 50}
    )


def records(count: int, first: int = 0) -> list[Record]:
    """Every other one is of the user who goes; two months."""
    return [
        record(at, action(user_id=("gone", "kept")[at % 2], time=NOON + timedelta(days=30 * (at % 4 // 2))))
        for at in range(first, first + count)
    ]


async def written(namespace: Namespace, store: Store, items: Sequence[Record], key: bytes = b"user") -> None:
    """Stored and committed, as by a sink that has stopped."""
    await topic.write(namespace, 0, [item.value for item in items], key)
    for part in build(namespace.topic, 0, items[0].offset, items[-1].offset + 1, items).sub_blocks:
        await store.insert(part, part.token)
    await topic.commit(namespace, {0: Position(items[-1].offset + 1)})


def ask(namespace: Namespace, end: int, user: str = "gone") -> None:
    """As query_api writes an erasure down."""
    namespace.query(
        "INSERT INTO {db}.erasures (id, state, user_id, requested_by, topic, log_ends)"
        f" SELECT generateUUIDv4(), 'requested', '{user}', 'boss', '{namespace.topic}', map(0, {end})",
        "eraser",
    )


def hide(namespace: Namespace, end: int) -> None:
    namespace.query(f"DELETE FROM {{db}}.actions WHERE user_id = 'gone' AND offset < {end}", "eraser")
    namespace.query(f"DELETE FROM {{db}}.dead_letters WHERE key = 'gone' AND offset < {end}", "eraser")


def remove(namespace: Namespace) -> None:
    for table in ("actions", "dead_letters"):
        namespace.query(f"ALTER TABLE {{db}}.{table} APPLY DELETED MASK SETTINGS mutations_sync = 2", "eraser")


async def audited(settings: Settings) -> Report:
    return await audit(settings, Audited())


async def test_the_books_balance_before_and_after_rows_are_removed(
    namespace: Namespace, store: Store, settings: Settings
) -> None:
    await written(namespace, store, records(40))
    await written(namespace, store, [Record(40, b"no action", key=b"gone")], key=b"gone")
    ask(namespace, 41)
    before = await audited(settings)
    hide(namespace, 41)
    hidden = await audited(settings)
    remove(namespace)
    report = await audited(settings)
    for books in (before.partitions[0], hidden.partitions[0], report.partitions[0]):
        assert (books.stored_once, books.erased, books.dead_lettered, books.missing) == (20, 21, 0, 0)
    assert report.balanced
    assert namespace.query("SELECT count() FROM {db}.dead_letters SETTINGS apply_deleted_mask = 0") == "0"
    assert namespace.query("SELECT count() FROM {db}.actions SETTINGS apply_deleted_mask = 0") == "20"
    assert "of them erased" in report.as_text()


async def test_what_the_user_sent_later_and_what_others_sent_is_missed(
    namespace: Namespace, store: Store, settings: Settings
) -> None:
    await written(namespace, store, records(40))
    ask(namespace, 40)
    hide(namespace, 40)
    namespace.query("DELETE FROM {db}.actions WHERE offset = 1")
    remove(namespace)
    await topic.write(namespace, 0, [item.value for item in records(2, first=40)])
    await topic.commit(namespace, {0: Position(42)})
    report = await audited(settings)
    assert [entry.offset for entry in report.partitions[0].listed_missing] == [1, 40, 41]
    assert report.partitions[0].erased == 20


@pytest.mark.parametrize("removed", [True, False])
async def test_a_rebuild_brings_nobody_back_and_keeps_who_came_back(
    namespace: Namespace, store: Store, admin: Settings, *, removed: bool
) -> None:
    await written(namespace, store, records(400))
    ask(namespace, 400)
    hide(namespace, 400)
    if removed:
        remove(namespace)
    await written(namespace, store, records(10, first=400))
    assert namespace.query(ROWS) == "5\t205\t210"
    await rebuild(admin, Wanted())
    assert namespace.query(ROWS) == "5\t205\t210"
    assert namespace.query("SELECT count() FROM {db}.actions SETTINGS apply_deleted_mask = 0") == "210"
    assert (await audited(admin)).balanced


class AsksMeanwhile(RebuildStore):
    """A user asks for erasure at this step of a rebuild; the old table's rows are hidden and removed at once."""

    def __init__(self, settings: Settings, namespace: Namespace, step: str) -> None:
        super().__init__(settings)
        self._namespace = namespace
        self._step = step

    def _at(self, step: str) -> None:
        if step == self._step:
            ask(self._namespace, 400)
            hide(self._namespace, 400)
            remove(self._namespace)

    async def pause(self) -> None:
        self._at("before the pause")
        await super().pause()
        self._at("in the pause")

    async def exchange(self) -> None:
        self._at("before the exchange")
        await super().exchange()


@pytest.fixture
async def log(admin: Settings) -> AsyncIterator[LogReader]:
    opened = LogReader(admin)
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.parametrize("step", ["before the pause", "in the pause", "before the exchange"])
async def test_who_asks_while_a_rebuild_runs_is_not_brought_back_either(
    namespace: Namespace, store: Store, admin: Settings, log: LogReader, step: str
) -> None:
    await written(namespace, store, records(400))
    rebuilding = AsksMeanwhile(admin, namespace, step)
    await rebuilding.open()
    try:
        await Rebuild(rebuilding, log, admin, Wanted()).run()
    finally:
        await rebuilding.close()
    assert namespace.query(ROWS) == "0\t200\t200"
    assert (await audited(admin)).balanced


async def test_a_block_that_the_sink_has_begun_is_kept_whole_by_a_rebuild(
    namespace: Namespace, store: Store, admin: Settings, start_service: StartService
) -> None:
    """The sink reads it back in the new table. Its rows are erased once it has committed."""
    await written(namespace, store, records(100))
    begun = records(40, first=100)
    await topic.write(namespace, 0, [item.value for item in begun])
    for part in build(namespace.topic, 0, 100, 140, begun).sub_blocks:
        await store.insert(part, part.token)
    await topic.commit(namespace, {0: Position(100, intent=140)})
    ask(namespace, 140)
    hide(namespace, 100)
    await rebuild(admin, Wanted())
    assert namespace.query(ROWS) == "20\t70\t90"
    start(start_service)
    await topic.write(namespace, 1, [record(0).value])
    counted(namespace, 91)
    assert (await audited(admin)).balanced

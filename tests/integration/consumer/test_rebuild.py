"""The rebuild on the real servers, beside a sink that goes on and is killed, and killed itself at every stage."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from consumer import failpoints
from consumer.audit import Wanted as Audited
from consumer.audit import audit
from consumer.block import SubBlock, build
from consumer.dead_letters import DeadLetter
from consumer.errors import StoreUnavailable
from consumer.intent import Position
from consumer.log_reader import LogReader
from consumer.rebuild import NotDone, Rebuild, Wanted, abandon, drop_old, rebuild
from consumer.rebuild_store import RebuildStore, is_paused
from consumer.settings import Settings
from consumer.store import Store
from tests.integration.consumer import topic
from tests.integration.consumer.sinks import counted, start
from tests.namespace import Namespace
from tests.stack import StartService
from tests.unit.consumer.records import NOON, Record, action, record
from tests.waiting import wait_until, wait_until_async

_CHECKOUT = Path(__file__).resolve().parents[3]
_ARMED_REBUILD = """\
import os, sys
from consumer import failpoints, rebuild
failpoints.arm(os.environ)
sys.exit(rebuild.main([]))
"""
_CONTENT = (
    "SELECT count(), sum(cityHash64(event_id, user_id, session_id, type, time, utc_offset_minutes, received_at,"
    " properties, partition, offset, clock_skew_ms)) FROM {db}."
)


@pytest.fixture
def admin(settings: Settings, namespace: Namespace) -> Settings:
    """The settings of a rebuild: the setup's user."""
    user = namespace.infra.admin
    return settings.model_copy(
        update={"clickhouse_user": user.name, "clickhouse_password": SecretStr(user.password), "max_block_rows": 500}
    )


@pytest.fixture
async def rebuild_store(admin: Settings) -> AsyncIterator[RebuildStore]:
    opened = RebuildStore(admin)
    await opened.open()
    yield opened
    await opened.close()


def records(count: int, first: int = 0) -> list[Record]:
    """Of two months."""
    return [
        record(offset, action(time=NOON + timedelta(days=30 * (offset % 2)))) for offset in range(first, first + count)
    ]


async def sunk(namespace: Namespace, store: Store, partition: int, written: Sequence[Record]) -> None:
    """Written, stored and committed, as by a sink that has stopped."""
    await topic.write(namespace, partition, [item.value for item in written])
    await stored(namespace, store, partition, written)
    await topic.commit(namespace, {partition: Position(written[-1].offset + 1)})


async def stored(namespace: Namespace, store: Store, partition: int, written: Sequence[Record]) -> None:
    block = build(namespace.topic, partition, written[0].offset, written[-1].offset + 1, written)
    for part in block.sub_blocks:
        await store.insert(part, part.token)


async def balanced(settings: Settings) -> None:
    report = await audit(settings, Audited())
    assert report.balanced, report.as_text()


async def test_the_new_table_holds_what_the_old_one_held_and_is_made_like_it(
    namespace: Namespace, store: Store, admin: Settings
) -> None:
    for partition, count in enumerate((1_300, 1, 700)):
        await sunk(namespace, store, partition, [*records(count), Record(count, b"no action")])
    content = namespace.query(_CONTENT + "actions")
    ddl = namespace.query("SELECT create_table_query FROM system.tables WHERE database = '{db}' AND name = 'actions'")
    assert "2,001 rows inserted" in await rebuild(admin, Wanted())
    assert namespace.query(_CONTENT + "actions") == content
    assert namespace.query(_CONTENT + "actions_before_rebuild") == content
    made = namespace.query("SELECT create_table_query FROM system.tables WHERE database = '{db}' AND name = 'actions'")
    assert made == ddl
    assert "non_replicated_deduplication_window = 10000" in made
    assert namespace.query("SELECT count() FROM {db}.dead_letters") == "3"
    await balanced(admin)
    with pytest.raises(NotDone, match="--drop-old"):
        await rebuild(admin, Wanted())
    assert await drop_old(admin) == "dropped actions_before_rebuild"
    assert await drop_old(admin) == "there is no actions_before_rebuild"
    assert "2,001 rows inserted" in await rebuild(admin, Wanted())


async def test_an_empty_table_is_filled_again(namespace: Namespace, store: Store, admin: Settings) -> None:
    await sunk(namespace, store, 0, records(1_300))
    content = namespace.query(_CONTENT + "actions")
    namespace.query("TRUNCATE TABLE {db}.actions")
    await rebuild(admin, Wanted())
    assert namespace.query(_CONTENT + "actions") == content


class Reader:
    """Reads all the time: ``counts`` are what it saw, in order."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.counts: list[int] = []
        self.ended = False

    async def run(self) -> None:
        while not self.ended:
            rows = await asyncio.to_thread(self._namespace.query, "SELECT count() FROM {db}.actions FINAL", "reader")
            self.counts.append(int(rows))


@contextlib.asynccontextmanager
async def reading(namespace: Namespace) -> AsyncIterator[Reader]:
    reader = Reader(namespace)
    task = asyncio.create_task(reader.run())
    try:
        yield reader
    finally:
        reader.ended = True
        await task


async def test_beside_a_live_sink_that_is_killed_once_nothing_is_lost_doubled_or_out_of_sight(
    namespace: Namespace, start_service: StartService, admin: Settings
) -> None:
    """Records keep coming all the while; what a reader has seen once it sees ever after."""
    sink = start(start_service, MAX_BLOCK_ROWS="200")
    await topic.write(namespace, 0, [item.value for item in records(4_000)])
    counted(namespace, 4_000)
    written, ended = 4_000, False

    async def keep_writing() -> None:
        nonlocal written
        while not ended:
            await topic.write(namespace, written % 3, [item.value for item in records(50)])
            written += 50

    async with reading(namespace) as reader:
        writing = asyncio.create_task(keep_writing())
        rebuilding = asyncio.create_task(rebuild(admin, Wanted()))

        async def filling() -> bool:
            return namespace.query("EXISTS TABLE {db}.actions_rebuild") == "1" or rebuilding.done()

        await wait_until_async(filling, 60, "it fills the new table")
        await asyncio.to_thread(sink.kill)
        await asyncio.to_thread(sink.start)
        await rebuilding

        async def goes_on() -> bool:
            return int(namespace.query("SELECT count() FROM {db}.actions")) > 4_000 and reader.counts[-1] > 4_000

        await wait_until_async(goes_on, 90, "the sink goes on in the new table")
        ended = True
        await writing
        await asyncio.to_thread(counted, namespace, written)
    assert reader.counts == sorted(reader.counts), "a row that was seen was out of sight later"
    await balanced(admin)


async def test_a_sink_that_inserts_without_pause_meets_the_swap_exactly(
    namespace: Namespace, start_service: StartService, admin: Settings
) -> None:
    """A backlog in small blocks on every partition: many inserts begin and end around pause and exchange."""
    written = 0

    async def write_more(each: int) -> None:
        nonlocal written
        for partition in range(3):
            await topic.write(namespace, partition, [item.value for item in records(each)])
            written += each

    await write_more(3_000)
    start(start_service, MAX_BLOCK_ROWS="20")
    wait_until(lambda: namespace.query("SELECT count() FROM {db}.actions") != "0", 60, "the first rows")
    async with reading(namespace) as reader:
        rebuilding = asyncio.create_task(rebuild(admin, Wanted()))

        async def runs_short() -> bool:
            """On a busy machine the sink may be far faster than the rebuild."""
            return rebuilding.done() or written - int(namespace.query("SELECT count() FROM {db}.actions")) < 6_000

        while not rebuilding.done():
            await wait_until_async(runs_short, 120, "the rebuild is done, or the backlog is used up")
            if not rebuilding.done():
                await write_more(1_000)
        await rebuilding
        seen = int(namespace.query("SELECT count() FROM {db}.actions_before_rebuild"))
        await asyncio.to_thread(counted, namespace, written, 180)  # hundreds of inserts, beside other work
    assert reader.counts == sorted(reader.counts)
    assert 0 < seen < written, "the swap was to happen in the middle"
    await balanced(admin)


@pytest.mark.parametrize("landed", ["nothing", "one month", "all"])
async def test_of_a_begun_block_the_new_table_gets_what_stands_in_the_old_one(
    namespace: Namespace, store: Store, admin: Settings, start_service: StartService, landed: str
) -> None:
    """The sink was killed in the middle of block [100, 140); the next one reads back in the new table."""
    written = records(140)
    await sunk(namespace, store, 0, written[:100])
    await topic.write(namespace, 0, [item.value for item in written[100:]])
    await topic.commit(namespace, {0: Position(100, intent=140)})
    months = build(namespace.topic, 0, 100, 140, written[100:]).sub_blocks
    for part in months[: {"nothing": 0, "one month": 1, "all": 2}[landed]]:
        await store.insert(part, part.token)
    rows = namespace.query("SELECT count() FROM {db}.actions")
    await rebuild(admin, Wanted())
    assert namespace.query("SELECT count() FROM {db}.actions") == rows
    start(start_service)
    counted(namespace, 140)
    await balanced(admin)


def process(namespace: Namespace, failpoint: str) -> subprocess.Popen[bytes]:
    """A rebuild as a process, in blocks of 50 rows. It strikes itself at the failpoint, which the command has not."""
    ours = namespace.environment("consumer") | {
        "CONSUMER_REBUILD_CLICKHOUSE_USER": namespace.infra.admin.name,
        "CONSUMER_REBUILD_CLICKHOUSE_PASSWORD": namespace.infra.admin.password,
        "CONSUMER_MAX_BLOCK_ROWS": "50",
        failpoints.VARIABLE: failpoint,
    }
    return subprocess.Popen(
        [sys.executable, "-c", _ARMED_REBUILD],
        cwd=_CHECKOUT,
        env={**os.environ, **ours},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def started(namespace: Namespace) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []

    def begin(failpoint: str) -> subprocess.Popen[bytes]:
        processes.append(process(namespace, failpoint))
        return processes[-1]

    yield begin
    for item in processes:
        item.kill()
        item.communicate()


async def test_killed_while_filling_it_goes_on_where_it_was(
    namespace: Namespace, store: Store, admin: Settings, started: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    await sunk(namespace, store, 0, records(5_000))
    content = namespace.query(_CONTENT + "actions")
    _, errors = (first := started("mid-insert:30")).communicate(timeout=120)
    assert first.returncode == -signal.SIGKILL, errors
    assert 500 < int(namespace.query("SELECT count() FROM {db}.actions_rebuild")) < 5_000
    output, errors = (second := started("")).communicate(timeout=120)
    assert second.returncode == 0, errors
    assert b"rebuilt actions" in output
    assert namespace.query(_CONTENT + "actions") == content
    await balanced(admin)


async def test_killed_in_the_pause_the_next_one_finishes_and_the_sink_goes_on(
    namespace: Namespace, store: Store, admin: Settings, rebuild_store: RebuildStore, start_service: StartService
) -> None:
    await sunk(namespace, store, 0, records(300))
    await rebuild_store.create()
    await rebuild_store.pause()
    service = start(start_service, wait=False)
    await topic.write(namespace, 1, [item.value for item in records(10)])
    wait_until(lambda: "a block waits for ClickHouse" in service.log, 60, "the sink waits")
    await rebuild(admin, Wanted())
    counted(namespace, 310)
    await balanced(admin)


async def test_killed_right_after_the_exchange_the_next_one_keeps_the_old_table(
    namespace: Namespace, store: Store, admin: Settings, rebuild_store: RebuildStore
) -> None:
    await sunk(namespace, store, 0, records(300))

    async def die() -> None:
        raise KeyboardInterrupt

    log = LogReader(admin)
    await log.open()
    unlucky = Rebuild(rebuild_store, log, admin, Wanted())
    rebuild_store.keep_old = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await unlucky.run()
    await log.close()
    with pytest.raises(NotDone, match="exchanged already"):
        await abandon(admin)
    assert "finished an earlier rebuild" in await rebuild(admin, Wanted())
    assert namespace.query("SELECT count() FROM {db}.actions") == "300"
    assert namespace.query("SELECT count() FROM {db}.actions_before_rebuild") == "300"
    await stored(namespace, store, 1, records(5))


async def test_abandoned_it_leaves_the_table_as_it_was(
    namespace: Namespace, store: Store, admin: Settings, rebuild_store: RebuildStore
) -> None:
    namespace.query("ALTER TABLE {db}.actions MODIFY SETTING max_parts_in_total = 777")
    before = (await rebuild_store.tables())["actions"]
    await rebuild_store.create()
    await rebuild_store.pause()
    assert is_paused((await rebuild_store.tables())["actions"])
    assert await abandon(admin) == "dropped actions_rebuild; actions is as it was"
    assert await abandon(admin) == "there is no actions_rebuild; actions is as it was"
    assert await rebuild_store.tables() == {"actions": before}


async def test_rows_that_the_topic_does_not_have_any_more_are_not_left_behind_unasked(
    namespace: Namespace, store: Store, admin: Settings
) -> None:
    await sunk(namespace, store, 0, records(100))
    await topic.delete_before(namespace, 0, 30)
    with pytest.raises(NotDone, match="has 30 rows that the topic does not have any more"):
        await rebuild(admin, Wanted())
    assert namespace.query("EXISTS TABLE {db}.actions_rebuild") == "0"
    await rebuild(admin, Wanted(allow_loss=True))
    assert namespace.query("SELECT count(), min(offset) FROM {db}.actions") == "70\t30"


@pytest.mark.parametrize("at", [(0, 50), (0, 7_000), (9, 1)], ids=["below the watermark", "beyond", "other partition"])
async def test_rows_of_another_log_are_not_left_behind_unasked(
    namespace: Namespace, store: Store, admin: Settings, at: tuple[int, int]
) -> None:
    await sunk(namespace, store, 0, records(100))
    await stored(namespace, store, at[0], [record(at[1])])
    with pytest.raises(NotDone, match="has 1 rows that"):
        await rebuild(admin, Wanted())
    await stored(namespace, store, 1, records(5))  # it takes inserts
    await abandon(admin)


async def test_erased_rows_stay_erased(namespace: Namespace, store: Store, admin: Settings) -> None:
    await sunk(namespace, store, 0, records(100))
    namespace.query("DELETE FROM {db}.actions WHERE offset IN (3, 60)")
    await rebuild(admin, Wanted())
    assert namespace.query("SELECT count(), countIf(offset IN (3, 60)) FROM {db}.actions") == "98\t0"


async def test_what_clickhouse_refused_stays_a_dead_letter(namespace: Namespace, store: Store, admin: Settings) -> None:
    written = records(20)
    await sunk(namespace, store, 0, written[:19])
    await topic.write(namespace, 0, [written[19].value])
    await topic.commit(namespace, {0: Position(20)})
    letter = DeadLetter.of(namespace.topic, 0, written[19], "refused", 131).event_id
    namespace.query(
        "INSERT INTO {db}.dead_letters (event_id, topic, partition, offset, error_code)"
        f" VALUES ('{letter}', '{namespace.topic}', 0, 19, 131)"
    )
    await rebuild(admin, Wanted())
    assert namespace.query("SELECT count() FROM {db}.actions") == "19"


async def test_a_view_that_is_fed_by_the_table_is_named(namespace: Namespace, admin: Settings) -> None:
    namespace.query(
        "CREATE MATERIALIZED VIEW {db}.per_user ENGINE = MergeTree ORDER BY user_id AS SELECT user_id FROM {db}.actions"
    )
    with pytest.raises(NotDone, match="drop per_user first"):
        await rebuild(admin, Wanted())


class LosesAnswers(RebuildStore):
    """Every first attempt is stored, or is not, and its answer is lost."""

    def __init__(self, settings: Settings, *, stores: bool) -> None:
        super().__init__(settings)
        self._stores = stores

    async def insert(self, part: SubBlock, token: str) -> None:
        if not token.endswith(".0"):
            return await super().insert(part, token)
        if self._stores:
            await super().insert(part, token)
        raise StoreUnavailable("the answer was lost")


@pytest.mark.parametrize("stores", [True, False])
async def test_inserts_whose_answers_are_lost_are_read_back(
    namespace: Namespace, store: Store, admin: Settings, *, stores: bool
) -> None:
    await sunk(namespace, store, 0, records(600))
    losing, log = LosesAnswers(admin, stores=stores), LogReader(admin)
    await losing.open()
    await log.open()
    try:
        await Rebuild(losing, log, admin, Wanted()).run()
    finally:
        await log.close()
        await losing.close()
    counted(namespace, 600)

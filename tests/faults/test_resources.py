"""A server runs out of something, or may not do what it is asked: waited for, said why, and made up for."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from contract.record import encode
from tests.faults import books, disk, servers
from tests.faults.books import Held
from tests.faults.disk import Disk
from tests.faults.feeder import Feeder
from tests.faults.rig import QUICK, Consumer, Rig
from tests.faults.ways import reasons
from tests.infra import Infra, need_one_broker
from tests.integration.consumer import topic
from tests.namespace import in_a_loop_of_its_own
from tests.services import Service
from tests.unit.consumer.records import action
from tests.waiting import wait_until

TOTAL = 6_000
PER_SECOND = 2_000
_LARGE = 2_500  # of 4 KB: what aiokafka fetches ahead, 4 MiB of a partition, is less than half of them
_DISK_MB = 96
_RESERVE = 32 << 20  # bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def clickhouse_disk(folder: Path) -> Iterator[Disk | None]:
    with disk.mounted(folder / "data" / "clickhouse", _DISK_MB) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def kafka_disk(folder: Path) -> Iterator[Disk | None]:
    need_one_broker("one broker's full disk is no reason for the others to refuse")
    with disk.mounted(folder / "data" / "kafka", _DISK_MB) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def servers_of_its_own(folder: Path, clickhouse_disk: Disk | None, kafka_disk: Disk | None) -> Iterator[Infra]:
    """The rig's servers, each on a small disk where that can be made."""
    with servers.running(folder) as infra:
        yield infra


@pytest.fixture
def small_disk(clickhouse_disk: Disk | None) -> Iterator[Disk]:
    if clickhouse_disk is None:
        pytest.skip("mounting a small disk needs root")
    yield clickhouse_disk
    clickhouse_disk.free()


def says(service: Service, *words: str) -> None:
    """Wait until the sink is not ready, and gives a reason that holds one of the words."""
    wait_until(lambda: any(word in reasons(service) for word in words), 40, f"unready, because of {words}")


def alter(rig: Rig, setting: str) -> None:
    rig.namespace.query(f"ALTER TABLE {{db}}.actions MODIFY SETTING {setting}")


def at_work(rig: Rig) -> tuple[Consumer, Feeder]:
    """A consumer that stores what is being fed, and goes on being fed: it was there first."""
    service = rig.consumer(wait=False)
    service.wait_logged("partitions assigned")
    feeder = rig.feed(TOTAL, per_second=PER_SECOND)
    rig.wait_rows(1)
    return service, feeder


@contextmanager
def limited_writer(rig: Rig, name: str, value: int) -> Iterator[None]:
    """ClickHouse, started again with this setting in the profile of the sink's user; at the end as before."""
    file = rig.infra.state_file.parent / "data" / "run" / "clickhouse" / "users.d" / "actionlog.xml"
    before = file.read_text()
    root = ElementTree.fromstring(before)  # noqa: S314 - the project's own file
    profile = root.find("profiles/actionlog_writer")
    assert profile is not None
    setting = profile.find(name)
    (ElementTree.SubElement(profile, name) if setting is None else setting).text = str(value)
    file.write_text(ElementTree.tostring(root, encoding="unicode"))
    rig.kill_and_wait("clickhouse")
    try:
        yield
    finally:
        file.write_text(before)
        rig.kill_and_wait("clickhouse")


def test_a_full_disk_is_waited_for(rig: Rig, small_disk: Disk) -> None:
    service, feeder = at_work_with_a_reserve(rig)
    fill_up(small_disk, service)
    feeder.finish(60)
    small_disk.free()
    rig.settle(60)
    assert "a block waits for ClickHouse" in service.log


def test_a_disk_whose_reserve_is_touched_again_and_again_tears_nothing(rig: Rig, small_disk: Disk) -> None:
    """Each time at another moment of the inserts in flight."""
    _, feeder = at_work_with_a_reserve(rig)
    for _ in range(8):
        stored = rig.rows()
        small_disk.fill(_RESERVE // 2)
        small_disk.free()
        rig.wait_rows(min(stored + 100, TOTAL))
    feeder.finish(60)
    rig.settle(60)


def test_clickhouse_killed_with_a_full_disk_comes_back_with_everything(rig: Rig, small_disk: Disk) -> None:
    service, feeder = at_work_with_a_reserve(rig)
    fill_up(small_disk, service)
    killed = rig.kill("clickhouse")
    feeder.finish(60)
    small_disk.free()
    servers.wait_restarted(rig.infra, "clickhouse", killed)
    rig.settle(60)


def at_work_with_a_reserve(rig: Rig) -> tuple[Consumer, Feeder]:
    """ClickHouse 26.7 answers 200 to inserts during which the disk becomes full, and their parts are broken.

    It reserves 1 MiB for an insert and passes over errors of the writes that follow, with fsync too: in 250 rounds that
    filled the disk during inserts, 8 of 1,357 acknowledged parts were gone after a restart. So inserts must end before
    the disk does.
    """
    for table in ("actions", "dead_letters"):
        rig.namespace.query(
            f"ALTER TABLE {{db}}.{table} MODIFY SETTING min_free_disk_bytes_to_perform_insert = {_RESERVE}"
        )
    return at_work(rig)


def fill_up(small_disk: Disk, service: Service) -> None:
    """First the reserve is touched; when no insert is taken any more, the disk becomes full, to the last byte."""
    small_disk.fill(_RESERVE // 2)
    says(service, "NOT_ENOUGH_SPACE")
    small_disk.fill()


@pytest.mark.ci
def test_too_many_parts_are_waited_for_until_merges_have_made_them_fewer(rig: Rig) -> None:
    service, feeder = at_work(rig)
    alter(rig, "parts_to_throw_insert = 1")
    says(service, "TOO_MANY_PARTS")
    feeder.finish(60)
    alter(rig, "parts_to_throw_insert = 3000")
    rig.settle(60)


@pytest.mark.ci
def test_a_table_that_is_read_only_for_a_while_is_waited_for(rig: Rig) -> None:
    service, feeder = at_work(rig)
    alter(rig, "table_readonly = 1")
    says(service, "READ_ONLY", "readonly")
    feeder.finish(60)
    alter(rig, "table_readonly = 0")
    rig.settle(60)


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        pytest.param("max_memory_usage", 1_000_000, "MEMORY_LIMIT_EXCEEDED", id="memory"),
        pytest.param("readonly", 1, "READONLY", id="read-only"),
    ],
)
def test_a_user_that_may_not_insert_for_a_while_is_waited_for(rig: Rig, setting: str, value: int, reason: str) -> None:
    service, feeder = at_work(rig)
    with limited_writer(rig, setting, value):
        says(service, reason)
        feeder.finish(60)
    rig.settle(60)


# Kafka gives up records that nobody has read


@pytest.mark.ci
def test_records_that_retention_took_while_the_sink_was_away_are_counted_and_the_rest_is_exact(rig: Rig) -> None:
    first, feeder = at_work(rig)
    assert first.terminate() == 0
    feeder.finish(60)
    sent, starts = rig.books().sent, cut_logs(rig)
    only_what_is_counted_is_missing(rig, rig.consumer(wait=False), sent, starts)


def test_retention_may_take_what_a_killed_sink_had_begun(rig: Rig) -> None:
    """Whether that block was stored is not asked: it counts as lost though some of it, or all, may be stored."""
    first, feeder = at_work(rig)
    first.kill()
    feeder.finish(60)
    sent, starts = rig.books().sent, cut_logs(rig)
    only_what_is_counted_is_missing(
        rig, rig.consumer(wait=False), sent, starts, over_count=int(QUICK["MAX_BLOCK_ROWS"])
    )


def test_records_that_retention_took_before_a_waiting_sink_had_fetched_them_are_counted(rig: Rig) -> None:
    """ClickHouse does not take anything, the sink's buffers are full, and the log is cut behind them."""
    service = rig.consumer(wait=False)
    feeder = rig.feed(6_000)
    rig.wait_rows(1)
    alter(rig, "table_readonly = 1")
    says(service, "READ_ONLY", "readonly")
    feeder.finish(60)
    for partition in (0, 1):
        rig.write(
            partition,
            [encode(action(properties=b'{"text":"%b"}' % secrets.token_hex(2_000).encode())) for _ in range(_LARGE)],
        )
    sent, starts = rig.books().sent, cut_logs(rig, keep=100)
    alter(rig, "table_readonly = 0")
    only_what_is_counted_is_missing(rig, service, sent, starts)


def only_what_is_counted_is_missing(
    rig: Rig, service: Consumer, sent: Held, starts: Mapping[int, int], over_count: int = 0
) -> None:
    """``sent`` is what the topic held before its logs were cut at ``starts``."""
    wait_until(rig.is_caught_up, 60, "the group has committed the end of every partition")
    stored = books.stored(rig.namespace)
    assert not stored.rows - sent.rows
    missing = Counter(partition for partition, _, _ in (sent.rows - stored.rows))
    assert missing
    assert all(offset < starts[partition] for partition, offset, _ in (sent.rows - stored.rows))
    for partition in range(rig.partitions):
        counted = service.metric("records_lost_total", partition=str(partition))
        assert missing[partition] <= counted <= missing[partition] + over_count
    assert "deleted by retention" in service.log


def cut_logs(rig: Rig, keep: int = 500) -> dict[int, int]:
    """Delete, as retention does, all but the last records of two partitions: where each log starts now."""
    ends = Counter(partition for partition, _, _ in rig.books().sent.rows)
    starts = {number: ends[number] - keep if number < 2 else 0 for number in range(rig.partitions)}
    for number in (0, 1):
        in_a_loop_of_its_own(topic.delete_before(rig.namespace, number, starts[number]))
    return starts


def test_a_full_disk_of_kafka_is_waited_for(rig: Rig, kafka_disk: Disk | None) -> None:
    """A broker without space ends, and can't come back before it has some."""
    if kafka_disk is None:
        pytest.skip("mounting a small disk needs root")
    service, feeder = at_work(rig)
    try:
        kafka_disk.fill()
        says(service, "Kafka")
    finally:
        kafka_disk.free()
    rig.wait_up()
    feeder.finish(120)
    rig.settle(60)

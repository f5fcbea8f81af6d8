"""An earlier release and this one side by side, writing and storing all the while: docs/upgrading.md."""

import contextlib
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from deploy.setup.migrate import load
from tests import namespace as names
from tests.faults import books
from tests.faults.feeder import Feeder
from tests.faults.posters import Posters
from tests.integration.consumer.sinks import metric, start
from tests.integration.operations.conftest import PARTITIONS
from tests.integration.operations.old_release import OldRelease
from tests.namespace import Namespace
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until

_POSTERS = 6
_POST_S = 10.0
_WAIT_S = 90.0
_QUICK = {"FLUSH_AFTER_MS": "50", "KAFKA_SESSION_TIMEOUT_MS": "2000", "BACKOFF_MAX_MS": "200"}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> OldRelease:
    return OldRelease.take(tmp_path_factory.mktemp("old-release"))


@pytest.fixture
def namespace(empty_namespace: Namespace, old: OldRelease) -> Namespace:
    """Topic and tables as the old release makes them, without merges."""
    done = old.setup(empty_namespace)
    assert done.returncode == 0, done.stdout + done.stderr
    assert versions(empty_namespace) == old.migrations
    books.stop_merges(empty_namespace)
    return empty_namespace


@pytest.fixture
def started() -> Iterator[ExitStack]:
    """Ends what is pushed onto it."""
    with ExitStack() as stack:
        yield stack


def versions(namespace: Namespace) -> list[int]:
    rows = namespace.query("SELECT version FROM {db}.schema_migrations FINAL ORDER BY version").split()
    return [int(row) for row in rows]


def stores_more(*sinks: Service) -> None:
    """Wait until each of them has stored records that it had not stored before."""
    before = [_stored(sink) for sink in sinks]
    for sink, count in zip(sinks, before, strict=True):
        wait_until(lambda sink=sink, count=count: _stored(sink) > count, _WAIT_S, "it stores")  # type: ignore[misc]


def _stored(sink: Service) -> float:
    return metric(sink, "actionlog_sink_records_stored_total")


def partitions(sink: Service) -> int:
    return len(httpx.get(f"{sink.url}/status", timeout=10).json()["partitions"])


def owns(sink: Service, count: int) -> None:
    wait_until(lambda: partitions(sink) == count, _WAIT_S, f"it owns {count} partitions")


def shares(first: Service, second: Service) -> None:
    def settled() -> bool:
        return partitions(first) > 0 and partitions(second) > 0 and partitions(first) + partitions(second) == PARTITIONS

    wait_until(settled, _WAIT_S, "both own partitions")


@contextlib.contextmanager
def posting(producer: Service) -> Iterator[Posters]:
    """Clients of that process; none of their requests is refused."""
    posters = Posters(producer.url, _POSTERS, _POST_S)
    with posters.running():
        posters.wait_acknowledged(_POSTERS)
        yield posters
    assert set(posters.answers()) == {"ok"}


def ids_read(api: Service) -> list[str]:
    answer = httpx.get(f"{api.url}/log", params={"limit": 500}, timeout=30)
    assert answer.status_code == 200, answer.text
    return [action["id"] for action in answer.json()["actions"]]


def test_while_an_old_and_a_new_release_run_side_by_side_each_record_is_stored_once(
    old: OldRelease, namespace: Namespace, start_service: StartService, started: ExitStack
) -> None:
    old_producer, old_sink = old.service("producer_api", namespace), old.service("consumer", namespace, **_QUICK)
    for service in (old_producer, old_sink):
        started.callback(service.close)
        service.start()
    posts = [started.enter_context(posting(old_producer))]
    stores_more(old_sink)

    names.create(namespace, PARTITIONS)  # the new release's setup, under load
    assert versions(namespace) == [migration.version for migration in load()]
    migrated_at = books.log_ends(namespace, PARTITIONS)
    stores_more(old_sink)

    new_sink = start(start_service)
    shares(old_sink, new_sink)
    stores_more(old_sink, new_sink)
    posts.append(started.enter_context(posting(start_service("producer_api"))))
    stores_more(old_sink, new_sink)
    assert old_sink.terminate() == 0
    owns(new_sink, PARTITIONS)
    stores_more(new_sink)

    old_sink.start()  # back to the old one, behind the new migrations
    shares(old_sink, new_sink)
    assert new_sink.terminate() == 0
    owns(old_sink, PARTITIONS)
    stores_more(old_sink)

    for posters in posts:
        posters.stop()
    wait_until(lambda: books.is_caught_up(namespace, PARTITIONS), _WAIT_S, "all is stored and committed")
    sent = books.sent(namespace, PARTITIONS)
    assert not [problem for posters in posts for problem in unheard(posters, sent)]
    assert not books.Books(sent, books.stored(namespace), books.merged_parts(namespace)).problems()
    # What the old sink stored after the migration has its time all the same: of records that came after it.
    since = " OR ".join(f"(partition = {number} AND offset >= {end})" for number, end in migrated_at.items())
    assert int(namespace.query(f"SELECT count() FROM {{db}}.actions WHERE {since}")) > 0
    assert namespace.query(f"SELECT countIf(toYear(stored_at) = 1970) FROM {{db}}.actions WHERE {since}") == "0"


@pytest.mark.parametrize("killed", ["old", "new"])
@pytest.mark.parametrize("point", ["after-intent", "mid-insert", "after-insert"])
def test_a_block_that_one_release_began_is_finished_by_the_other(
    old: OldRelease, namespace: Namespace, start_service: StartService, started: ExitStack, killed: str, point: str
) -> None:
    names.create(namespace, PARTITIONS)
    Feeder(namespace, PARTITIONS, 900).start().finish(60)

    def run(release: str, **settings: str) -> Service:
        if release == "new":
            return start(start_service, wait=False, **settings)
        service = old.service("consumer", namespace, **{**_QUICK, **settings})
        started.callback(service.close)
        return service.start(wait=False)

    assert run(killed, FAILPOINT=point).wait(_WAIT_S) == -signal.SIGKILL
    begun = books.committed(namespace)
    assert any(position.intent is not None for position in begun.values())
    run("new" if killed == "old" else "old")
    wait_until(lambda: books.is_caught_up(namespace, PARTITIONS), _WAIT_S, "all is stored and committed")
    sent, kept = books.sent(namespace, PARTITIONS), books.stored(namespace)
    assert not books.Books(sent, kept, books.merged_parts(namespace)).problems()


def unheard(posters: Posters, held: books.Held) -> set[str]:
    """Acknowledged, and not in the topic."""
    return posters.acknowledged() - held.ids


def test_an_old_query_service_reads_the_new_tables(
    old: OldRelease, namespace: Namespace, start_service: StartService, started: ExitStack
) -> None:
    services = [old.service(module, namespace) for module in ("producer_api", "consumer", "query_api")]
    for service in services:
        started.callback(service.close)
        service.start()
    producer, _, old_api = services
    with posting(producer):
        pass
    wait_until(lambda: books.is_caught_up(namespace, PARTITIONS), _WAIT_S, "all is stored")
    before = ids_read(old_api)
    assert len(before) >= _POSTERS
    names.create(namespace, PARTITIONS)
    assert ids_read(old_api) == before
    assert ids_read(start_service("query_api")) == before


def test_a_new_sink_before_its_setup_waits_and_says_what_is_missing(
    namespace: Namespace, start_service: StartService
) -> None:
    sink = start(start_service, wait=False)
    wait_until(lambda: "stored_at" in sink.log, _WAIT_S, "it says which column is missing")
    assert not sink.is_ready()
    names.create(namespace, PARTITIONS)
    sink.wait_ready()


def test_an_old_setup_refuses_newer_tables_and_changes_nothing(old: OldRelease, namespace: Namespace) -> None:
    names.create(namespace, PARTITIONS)
    done = old.setup(namespace)
    assert done.returncode != 0
    assert "it is newer" in done.stdout + done.stderr
    assert versions(namespace) == [migration.version for migration in load()]

"""The network between the sink and its servers fails in every way it can, while records are fed."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults import ways as proxied
from tests.faults.feeder import Feeder
from tests.faults.proxy import Proxy
from tests.faults.rig import Consumer, Rig
from tests.faults.ways import Ways, reasons
from tests.infra import Infra
from tests.waiting import wait_until

# Timeouts at which a test waits for seconds instead of minutes.
SHORT = {
    "INSERT_TIMEOUT_S": "1.5",
    "READ_BACK_TIMEOUT_S": "3",
    "CLICKHOUSE_CONNECT_TIMEOUT_S": "1",
    "KAFKA_REQUEST_TIMEOUT_MS": "1500",
}
TOTAL = 6_000
PER_SECOND = 2_000
REPEATS = 4


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    with proxied.running(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture(scope="module")
def servers_of_its_own(ways: Ways) -> Infra:
    """The rig's servers: here those behind the proxies."""
    return ways.infra


@pytest.fixture(autouse=True)
def restored(ways: Ways) -> Iterator[None]:
    yield
    ways.restore()


def at_work(rig: Rig, ways: Ways, **settings: str) -> tuple[Consumer, Feeder]:
    """A consumer behind the proxies that stores what is being fed, and goes on being fed: it was there first."""
    service = rig.consumer(wait=False, **{**ways.settings, **SHORT, **settings})
    service.wait_logged("partitions assigned")
    feeder = rig.feed(TOTAL, per_second=PER_SECOND)
    rig.wait_rows(1)
    return service, feeder


def every_record_is_one_row(rig: Rig, feeder: Feeder, deadline_s: float = 60) -> None:
    feeder.finish(60)
    rig.settle(deadline_s)


def way(ways: Ways, server: str) -> Proxy:
    return ways.kafka if server == "kafka" else ways.clickhouse


# One cut, at a known byte of a known message


@pytest.mark.ci
@pytest.mark.parametrize(
    ("cut", "found"),
    [
        pytest.param(lambda proxy: proxy.cut_answer("insert"), "all", id="answer lost"),
        pytest.param(lambda proxy: proxy.cut_answer("insert", 30), "all", id="answer cut"),
        pytest.param(lambda proxy: proxy.cut_request("insert", 100), "none", id="head cut"),
        pytest.param(lambda proxy: proxy.cut_request("insert", 4_000), "none", id="body cut"),
    ],
)
def test_an_insert_whose_connection_is_cut_is_stored_once(
    rig: Rig, ways: Ways, cut: Callable[[Proxy], None], found: str
) -> None:
    service, feeder = at_work(rig, ways)
    cut_again_and_again(ways.clickhouse, cut)
    feeder.finish(60)
    rig.wait_rows(TOTAL)
    assert service.metric("read_backs_total", found=found) >= REPEATS
    rig.settle(60)


def test_the_answer_to_a_read_back_is_lost_after_the_answer_to_its_insert(rig: Rig, ways: Ways) -> None:
    _, feeder = at_work(rig, ways)
    for _ in range(REPEATS):
        cut_again_and_again(ways.clickhouse, lambda proxy: proxy.cut_answer("insert"), times=1)
        cut_again_and_again(ways.clickhouse, lambda proxy: proxy.cut_answer("query"), times=1)
    every_record_is_one_row(rig, feeder)


@pytest.mark.ci
@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda proxy: proxy.cut_answer("OffsetCommit"), id="commit's answer lost"),
        pytest.param(lambda proxy: proxy.cut_request("OffsetCommit", 40), id="commit's request cut"),
        pytest.param(lambda proxy: proxy.cut_answer("Fetch", 2_000), id="fetch's answer cut"),
        pytest.param(lambda proxy: proxy.cut_request("Fetch", 20), id="fetch's request cut"),
        pytest.param(lambda proxy: proxy.cut_answer("Heartbeat"), id="heartbeat's answer lost"),
    ],
)
def test_a_request_to_kafka_whose_connection_is_cut_changes_nothing(
    rig: Rig, ways: Ways, cut: Callable[[Proxy], None]
) -> None:
    _, feeder = at_work(rig, ways)
    cut_again_and_again(ways.kafka, cut)
    every_record_is_one_row(rig, feeder)


@pytest.mark.parametrize("request_kind", ["Metadata", "FindCoordinator", "JoinGroup", "SyncGroup", "OffsetFetch"])
def test_an_answer_lost_while_joining_is_asked_for_again(rig: Rig, ways: Ways, request_kind: str) -> None:
    before = ways.kafka.hits
    ways.kafka.cut_answer(request_kind)
    feeder = rig.feed(TOTAL // 3)
    rig.consumer(wait=False, **{**ways.settings, **SHORT})
    wait_until(lambda: ways.kafka.hits > before, 30, "the answer was lost")
    every_record_is_one_row(rig, feeder)


def cut_again_and_again(proxy: Proxy, cut: Callable[[Proxy], None], times: int = REPEATS) -> None:
    for _ in range(times):
        before = proxy.hits
        cut(proxy)
        wait_until(lambda before=before: proxy.hits > before, 30, "the connection was cut")  # type: ignore[misc]


# All connections at once


@pytest.mark.ci
@pytest.mark.parametrize("server", ["clickhouse", "kafka"])
def test_connections_that_are_cut_now_and_then_are_made_again(rig: Rig, ways: Ways, server: str) -> None:
    _, feeder = at_work(rig, ways)
    for _ in range(5):
        stored = rig.rows()
        way(ways, server).hang_up()
        rig.wait_rows(min(TOTAL, stored + 200))
    every_record_is_one_row(rig, feeder)


@pytest.mark.parametrize("server", ["clickhouse", "kafka"])
def test_a_server_that_refuses_connections_is_waited_for(rig: Rig, ways: Ways, server: str) -> None:
    service, feeder = at_work(rig, ways)
    way(ways, server).refuse()
    wait_until(lambda: server in reasons(service).lower(), 30, "unready, and says why")
    feeder.finish(60)
    way(ways, server).restore()
    every_record_is_one_row(rig, feeder)
    if server == "clickhouse":  # without Kafka there may be nothing to store, hence nothing that waits
        assert "waits" in service.log


@pytest.mark.parametrize("server", ["clickhouse", "kafka"])
def test_connections_that_are_half_open_are_given_up_and_made_again(rig: Rig, ways: Ways, server: str) -> None:
    _, feeder = at_work(rig, ways)
    way(ways, server).half_open()
    every_record_is_one_row(rig, feeder)


@pytest.mark.parametrize("server", ["clickhouse", "kafka"])
def test_a_server_that_falls_silent_is_waited_for(rig: Rig, ways: Ways, server: str) -> None:
    service, feeder = at_work(rig, ways)
    way(ways, server).silence()
    wait_until(lambda: server in reasons(service).lower(), 30, "unready, and says why")
    feeder.finish(60)
    way(ways, server).restore()
    every_record_is_one_row(rig, feeder)


@pytest.mark.timeout(420)  # some twenty round trips of five seconds, on a machine that does other things too
@pytest.mark.parametrize("server", ["clickhouse", "kafka"])
def test_an_answer_that_takes_five_seconds_longer_only_makes_it_slow(rig: Rig, ways: Ways, server: str) -> None:
    """With the consumer's own timeouts, of 10 s and more."""
    patient = {"KAFKA_SESSION_TIMEOUT_MS": "10000"}
    patient |= {"KAFKA_REQUEST_TIMEOUT_MS": "10000", "INSERT_TIMEOUT_S": "60", "READ_BACK_TIMEOUT_S": "60"}
    service, feeder = at_work(rig, ways, **patient)
    way(ways, server).delay(2.5)  # each way
    feeder.finish(60)
    rig.wait_rows(TOTAL, 300)
    assert "unavailable" not in service.log
    way(ways, server).restore()
    every_record_is_one_row(rig, feeder)


@pytest.mark.parametrize("server", ["clickhouse", "kafka"])
def test_answers_that_come_after_their_timeout_are_no_answers(rig: Rig, ways: Ways, server: str) -> None:
    """Every request reaches the server, late, and every answer comes when nobody waits for it any more."""
    service, feeder = at_work(rig, ways)
    way(ways, server).delay(1.2)  # each way; the consumer waits for 1.5 s
    wait_until(lambda: server in reasons(service).lower(), 30, "unready, and says why")
    feeder.finish(60)
    way(ways, server).restore()
    every_record_is_one_row(rig, feeder)

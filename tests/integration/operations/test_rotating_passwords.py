"""Passwords of ClickHouse and of Kafka replaced while actions are written, stored and read: docs/rotating.md."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from deploy.local.passwords import User
from tests.faults import books
from tests.faults.posters import Posters
from tests.integration.consumer.sinks import start
from tests.integration.operations.caller import Caller, status
from tests.integration.operations.conftest import PARTITIONS
from tests.integration.operations.kafka_tools import kafka_tool
from tests.integration.operations.own_clickhouse import OwnClickHouse
from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.posting import body
from tests.integration.producer_api.secured_kafka import PASSWORD, USER, SecuredKafka
from tests.integration.producer_api.topic import make_topic
from tests.namespace import Namespace, in_a_loop_of_its_own
from tests.services import Service
from tests.stack import StartService
from tests.waiting import wait_until

_WAIT_S = 60.0
_NEW = "the-new-password-of-the-test"
_TOPIC = "secured"


def stored_more(namespace: Namespace) -> None:
    def rows() -> int:
        return int(namespace.query("SELECT count() FROM {db}.actions"))

    before = rows()
    wait_until(lambda: rows() > before, _WAIT_S, "more is stored")


def test_clickhouse_passwords_are_replaced_while_two_are_valid(
    clickhouse: OwnClickHouse, unmerged: Namespace, start_service: StartService
) -> None:
    namespace, writer, reader = unmerged, clickhouse.infra.writer, clickhouse.infra.reader
    producer = start_service("producer_api")
    posters = Posters(producer.url, 4, 10)
    with posters.running():
        old_sink, old_reads = start(start_service), start_service("query_api")
        stored_more(namespace)
        for user in (writer, reader):
            clickhouse.accept_passwords(user.name, user.password, _NEW)
        restart(clickhouse)  # an ordinary server reads the file by itself
        stored_more(namespace)
        new_sink = start(start_service, CLICKHOUSE_PASSWORD=_NEW)
        new_reads = start_service("query_api", CLICKHOUSE_PASSWORD=_NEW)
        with reads(old_reads).running() as first, reads(new_reads).running() as second:
            first.is_answered()
            second.is_answered()
            assert old_sink.terminate() == 0
            stored_more(namespace)
        assert set(first.answers) == set(second.answers) == {200}
        assert old_reads.terminate() == 0
        for user in (writer, reader):
            clickhouse.accept_passwords(user.name, _NEW)
        restart(clickhouse)
        stored_more(namespace)
        with pytest.raises(RuntimeError, match="AUTHENTICATION_FAILED"):
            namespace.query("SELECT 1", "writer")
        wait_until(lambda: status(second, {}) == 200, _WAIT_S, "reads go on")
    wait_until(lambda: books.is_caught_up(namespace, PARTITIONS), _WAIT_S, "all is stored")
    assert set(posters.answers()) == {"ok"}
    sent = books.sent(namespace, PARTITIONS)
    assert not books.Books(sent, books.stored(namespace), books.merged_parts(namespace)).problems()
    assert new_sink.terminate() == 0


def restart(clickhouse: OwnClickHouse) -> None:
    clickhouse.stop()
    clickhouse.start()


@pytest.fixture
def secured(infra: object, tmp_path: Path) -> Iterator[SecuredKafka]:
    """A broker with the SCRAM user ``USER``. ``infra`` has fetched what it is made of."""
    secured = SecuredKafka(tmp_path)
    secured.kafka.start()
    try:
        secured.kafka.wait()
        in_a_loop_of_its_own(make_topic(secured.address["PLAINTEXT"], _TOPIC))
        yield secured
    finally:
        secured.kafka.stop()


def test_kafkas_user_is_replaced_by_a_second_one_and_no_post_is_refused(
    secured: SecuredKafka, start_producer: StartProducer
) -> None:
    def producer(user: User, *, wait: bool = True) -> Service:
        login = {"KAFKA_SASL_USERNAME": user.name, "KAFKA_SASL_PASSWORD": user.password}
        scram = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}
        return start_producer(secured.address["SASL_PLAINTEXT"], _TOPIC, scram | login, wait=wait)

    def alter(user: str, *words: str) -> None:
        target = ("--alter", "--entity-type", "users", "--entity-name", user)
        kafka_tool("kafka-configs", secured.address["PLAINTEXT"], *target, *words)

    old, new = User(USER, PASSWORD), User("actionlog-2026-11", _NEW)
    first = producer(old)
    with ExitStack() as stack:
        callers = [stack.enter_context(posts(first).running())]
        callers[0].is_answered()
        alter(new.name, "--add-config", f"SCRAM-SHA-512=[password={new.password}]")
        second = producer(new)
        callers.append(stack.enter_context(posts(second).running()))
        for caller in callers:
            caller.is_answered()
        alter(old.name, "--delete-config", "SCRAM-SHA-512")
        refused = producer(old, wait=False)
        wait_until(lambda: "refuses our user or password" in unready(refused), _WAIT_S, "the old user is refused")
        for caller in callers:  # the first one's connections stay as they are until they end
            caller.is_answered()
    assert {answer for caller in callers for answer in caller.answers} == {200}


def reads(api: Service) -> Caller:
    return Caller("GET", f"{api.url}/log", {})


def posts(producer: Service) -> Caller:
    return Caller("POST", f"{producer.url}/log", {}, body())


def unready(producer: Service) -> str:
    try:
        return httpx.get(f"{producer.url}/readyz", timeout=10).text
    except httpx.TransportError:
        return ""

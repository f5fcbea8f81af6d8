"""A real Prometheus over the real services: each query of the dashboard has an answer, and the alerts ring."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.integration.deploy import prometheus
from tests.integration.deploy.prometheus import Prometheus
from tests.namespace import Namespace
from tests.services import Service
from tests.stack import StartService
from tests.unit.deploy.test_observability import alerts, panels
from tests.waiting import wait_until

_DATA_S: Final = 90
ACTION: Final = {"type": "CLICK", "time": "2026-01-02T03:04:05Z", "properties": {}}
LABELS: Final = re.compile(r"{{\s*(\w+)\s*}}")
TARGETS: Final = [
    (target["expr"], set(LABELS.findall(target.get("legendFormat", ""))))
    for panel in panels()
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prometheus.tools(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def services(start_service: StartService) -> dict[str, Service]:
    """By the name of their job."""
    return {
        "producer-api": start_service("producer_api"),
        "consumer": start_service("consumer", FLUSH_AFTER_MS="50", BACKOFF_MAX_MS="200"),
        "query-api": start_service("query_api"),
    }


@pytest.fixture
def server(binaries: Path, services: dict[str, Service], tmp_path: Path) -> Iterator[Prometheus]:
    addresses = {job: f"127.0.0.1:{service.port}" for job, service in services.items()}
    with prometheus.running(binaries, tmp_path, addresses) as running:
        yield running


def post(services: dict[str, Service], **changed: object) -> int:
    body = {"userId": "u", "sessionId": "s", "actions": [{**ACTION, **changed}]}
    return httpx.post(f"{services['producer-api'].url}/log", json=body, timeout=20).status_code


def use(services: dict[str, Service]) -> None:
    """What people do, mistakes included."""
    assert (post(services), post(services, type="")) == (200, 400)
    assert httpx.get(f"{services['query-api'].url}/log", timeout=20).status_code == 200


def unanswered(server: Prometheus) -> set[str]:
    """The queries that have no number now, or not the labels that the panel shows."""
    return {
        expression
        for expression, labels in TARGETS
        if not any(labels <= set(sample["metric"]) for sample in server.samples(expression))
    }


@pytest.mark.partitions(12)
def test_every_query_of_the_dashboard_has_an_answer(
    server: Prometheus, services: dict[str, Service], namespace: Namespace
) -> None:
    """Failures of inserts come last: nobody has a number for them while there are none."""
    failures = {expression for expression, _ in TARGETS if "insert_failures" in expression}

    def missing() -> set[str]:
        use(services)
        return unanswered(server)

    wait_until(lambda: missing() == failures, _DATA_S, "every query has an answer, but for the failures")
    assert len(failures) == 1
    assert {rule["name"] for rule in server.rules()} == {rule["alert"] for rule in alerts()}
    wait_until(lambda: {rule["health"] for rule in server.rules()} == {"ok"}, _DATA_S, "every rule was evaluated")
    wait_until(lambda: server.pending_or_firing() == set(), _DATA_S, "all is well")
    namespace.query("RENAME TABLE {db}.actions TO {db}.away")
    assert post(services) == 200
    wait_until(lambda: "InsertsRefused" in server.pending_or_firing(), _DATA_S, "the refused inserts are seen")
    assert not failures & unanswered(server)


@pytest.mark.partitions(12)
def test_a_sink_that_is_gone_is_seen(server: Prometheus, services: dict[str, Service]) -> None:
    wait_until(lambda: len(server.samples("up == 1")) == 3, _DATA_S, "all three are scraped")
    wait_until(lambda: server.pending_or_firing() == set(), _DATA_S, "all is well")
    services["consumer"].kill()
    gone = {"ServiceDown", "PartitionWithoutOwner"}
    wait_until(lambda: server.pending_or_firing() == gone, _DATA_S, "the two alerts that tell it")

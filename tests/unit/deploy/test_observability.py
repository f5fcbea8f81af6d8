"""Alerts and dashboard ask for metrics and labels that the services really have, and each alert has its runbook."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml

from deploy.local.settings import CHECKOUT
from deploy.setup.settings import SetupSettings
from tests.unit.deploy.manifests import MONITORING, OBSERVABILITY, compose_services, of_kind, pods

RUNBOOKS: Final = CHECKOUT / "docs" / "alerts.md"
METRICS: Final = ("producer_api/metrics.py", "consumer/metrics.py", "query_api/metrics.py")
SUFFIXES: Final = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_bucket", "_count", "_sum"]}

_METRIC = re.compile(r"\bactionlog_\w+")
_MATCHERS = re.compile(r"\b(actionlog_\w+)\{([^}]*)\}")
_BY = re.compile(r"by \(([^)]*)\)[^(]*\((?:rate|increase)\((actionlog_\w+)")


def declared() -> dict[str, set[str]]:
    """Every series the services expose, by its name, with its labels."""
    series: dict[str, set[str]] = {}
    for file in METRICS:
        for node in ast.walk(ast.parse((CHECKOUT / file).read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SUFFIXES:
                series.update(series_of(node.func.id, node))
    return series


def series_of(kind: str, call: ast.Call) -> Iterator[tuple[str, set[str]]]:
    given = [*call.args[2:3], *(keyword.value for keyword in call.keywords if keyword.arg == "labelnames")]
    labels = {str(label) for node in given for label in ast.literal_eval(node)}
    name = str(ast.literal_eval(call.args[0])).removesuffix("_total")
    for suffix in SUFFIXES[kind]:
        yield name + suffix, labels | ({"le"} if suffix == "_bucket" else set())


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "actionlog.json").read_text())
    return [panel for panel in dashboard["panels"] if panel.get("targets")]


EXPRESSIONS: Final = [
    *(rule["expr"] for rule in alerts()),
    *(target["expr"] for panel in panels() for target in panel["targets"]),
]


def test_the_metrics_are_found() -> None:
    assert {"actionlog_sink_lag_seconds", "actionlog_producer_ack_seconds_bucket"} <= set(declared())
    assert len(EXPRESSIONS) > 20


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_exists_with_its_labels(expression: str) -> None:
    known = declared()
    assert set(_METRIC.findall(expression)) <= set(known)
    for name, matchers in _MATCHERS.findall(expression):
        assert set(re.findall(r"(\w+)\s*[!=]", matchers)) <= known[name]
    for labels, name in _BY.findall(expression):
        assert {label.strip() for label in labels.split(",")} <= known[name]
    assert expression.count("(") == expression.count(")")


def test_every_alert_says_whom_it_wakes_and_has_a_runbook_of_its_name() -> None:
    headings = set(re.findall(r"^## (\w+)$", RUNBOOKS.read_text(), re.MULTILINE))
    assert headings == {rule["alert"] for rule in alerts()}
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"


def test_the_alert_for_partitions_counts_as_many_as_the_setup_makes() -> None:
    [rule] = [rule for rule in alerts() if rule["alert"] == "PartitionWithoutOwner"]
    partitions = SetupSettings.model_fields["topic_partitions"].default
    assert rule["expr"].endswith(f" < {partitions}")
    assert f"of {partitions} partitions" in rule["annotations"]["summary"]


def test_the_scraper_finds_the_services_of_compose() -> None:
    jobs = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())["scrape_configs"]
    names = {name for job in jobs for found in job["dns_sd_configs"] for name in found["names"]}
    assert names == {name for name in compose_services() if name.startswith(("producer", "consumer", "query"))}
    assert {job["job_name"] for job in jobs} == {"producer-api", "consumer", "query-api"}


def test_the_prometheus_operator_gets_the_same_rules() -> None:
    groups = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())["groups"]
    assert of_kind(MONITORING, "PrometheusRule")["actionlog"]["spec"]["groups"] == groups


def test_the_prometheus_operator_finds_the_pods_under_the_names_that_the_alerts_ask_for() -> None:
    monitor = of_kind(MONITORING, "PodMonitor")["actionlog"]["spec"]
    assert [endpoint["path"] for endpoint in monitor["podMetricsEndpoints"]] == ["/metrics"]
    ports = {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]}
    jobs = set()
    for name, deployment in of_kind("base", "Deployment").items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert monitor["selector"]["matchLabels"].items() <= labels.items()
        assert {port["name"] for port in pods("base")[name]["containers"][0]["ports"]} == ports
        jobs.add(labels[monitor["jobLabel"]])
    [down] = [rule["expr"] for rule in alerts() if rule["alert"] == "ServiceDown"]
    assert set(re.findall(r'absent\(up{job="([\w-]+)"}\)', down)) == jobs


def test_every_panel_has_a_title_and_uses_the_provisioned_source() -> None:
    sources = OBSERVABILITY / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    [source] = yaml.safe_load(sources.read_text())["datasources"]
    assert all(panel["title"] and panel["datasource"]["uid"] == source["uid"] for panel in panels())

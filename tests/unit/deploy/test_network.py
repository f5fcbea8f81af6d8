"""Who may talk to whom: nobody, but for what each service needs."""

from typing import Any

from tests.unit.deploy.manifests import every_variant, of_kind, pods

Rule = dict[str, Any]


def policies(variant: str, pod: str) -> list[Rule]:
    """The policies that select the workload's pods."""
    workload = of_kind(variant, "Deployment", "Job")[pod]
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return [p["spec"] for p in of_kind(variant, "NetworkPolicy").values() if selects(p["spec"]["podSelector"], labels)]


def selects(selector: Rule, labels: dict[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return all(labels.get(expression["key"]) in expression["values"] for expression in expressions)


def allowed_ports(variant: str, pod: str, direction: str) -> set[int]:
    rules = [rule for policy in policies(variant, pod) for rule in policy.get(direction, [])]
    assert all(rule.get("from" if direction == "ingress" else "to") for rule in rules), "from everybody, to everywhere"
    return {port["port"] for rule in rules for port in rule["ports"]}


@every_variant
def test_everything_is_denied_first(variant: str) -> None:
    for pod in pods(variant):
        closed = [policy for policy in policies(variant, pod) if "ingress" not in policy and "egress" not in policy]
        assert [policy["policyTypes"] for policy in closed] == [["Ingress", "Egress"]]


@every_variant
def test_the_producer_cannot_reach_clickhouse(variant: str) -> None:
    names, kafka, clickhouse = {53}, {9092, 9093}, {8123, 8443}
    assert allowed_ports(variant, "producer-api", "egress") == names | kafka
    for pod in ("consumer", "query-api", "setup"):
        assert allowed_ports(variant, pod, "egress") == names | kafka | clickhouse


@every_variant
def test_the_consumer_is_reached_by_monitoring_alone_and_the_setup_by_nobody(variant: str) -> None:
    sources = [rule["from"] for policy in policies(variant, "consumer") for rule in policy.get("ingress", [])]
    assert sources == [[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]]
    assert not allowed_ports(variant, "producer-api", "ingress") - {8000, 8001, 8002}


def test_kafka_without_passwords_is_for_ours_and_keda_alone() -> None:
    listeners = of_kind("clusters/single", "Kafka")["actionlog"]["spec"]["kafka"]["listeners"]
    [plain] = [listener for listener in listeners if "authentication" not in listener]
    assert len(plain["networkPolicyPeers"]) == 2
    assert all(listener["tls"] for listener in listeners if listener is not plain)


def test_keepers_answer_the_servers_each_other_and_the_operator_alone() -> None:
    policy = of_kind("clusters/sharded", "NetworkPolicy")["to-clickhouse-keepers"]["spec"]
    servers = of_kind("clusters/sharded", "ClickHouseInstallation")["actionlog"]["spec"]
    asked = {node["port"] for node in servers["configuration"]["zookeeper"]["nodes"]}
    assert [{port["port"] for port in rule["ports"]} for rule in policy["ingress"]] == [asked, {*asked, 9444}, asked]
    assert [list(rule["from"][0]) for rule in policy["ingress"]] == [["podSelector"]] * 2 + [["namespaceSelector"]]


def test_the_servers_of_clickhouse_answer_those_who_need_it_alone() -> None:
    policy = of_kind("clusters/single", "NetworkPolicy")["to-clickhouse-servers"]["spec"]
    http = [rule["from"] for rule in policy["ingress"] if {"protocol": "TCP", "port": 8123} in rule["ports"]]
    assert [list(source[0]) for source in http] == [["podSelector"], ["namespaceSelector"]]
    assert all(rule["from"] for rule in policy["ingress"])

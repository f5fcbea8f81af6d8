"""The settings, secrets and bounds that the deployments name are the services' own."""

from typing import Final

import pytest
from pydantic_settings import BaseSettings

from consumer.settings import Settings as ConsumerSettings
from deploy.local.settings import CHECKOUT
from deploy.setup.settings import SetupSettings
from producer_api.settings import Settings as ProducerSettings
from query_api.settings import Settings as QuerySettings
from tests.unit.deploy.manifests import cluster_pods, compose_services, every_variant, of_kind, pods

MODELS: Final[dict[str, type[BaseSettings]]] = {
    "producer-api": ProducerSettings,
    "consumer": ConsumerSettings,
    "query-api": QuerySettings,
    "setup": SetupSettings,
}
DEFAULT_OF: Final = {name: {f: i.default for f, i in model.model_fields.items()} for name, model in MODELS.items()}
UNITS: Final = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
AT_REST: Final = 100 << 20
NGINX: Final = "nginx.ingress.kubernetes.io"


def variables(service: str) -> set[str]:
    """The environment variables that a service reads."""
    model = MODELS[service]
    return {f"{model.model_config['env_prefix']}{name}".upper() for name in model.model_fields}


def test_variables_of_compose_are_settings() -> None:
    for name in MODELS:
        service = compose_services()[name]
        assert set(service["environment"]) <= variables(name)
        files = {secret["target"].upper() for secret in service.get("secrets", [])}
        assert files <= variables(name)


@every_variant
def test_variables_of_kubernetes_are_settings(variant: str) -> None:
    for name, pod in pods(variant).items():
        [source] = pod["containers"][0]["envFrom"]
        assert set(of_kind(variant, "ConfigMap")[source["configMapRef"]["name"]]["data"]) <= variables(name)
        mounted = [volume["secret"]["items"] for volume in pod["volumes"] if volume["name"] == "secrets"]
        assert {item["path"].upper() for items in mounted for item in items} <= variables(name)


def test_compose_and_kubernetes_give_each_service_the_same_secrets() -> None:
    for name, pod in pods("base").items():
        mounted = [item["path"] for v in pod["volumes"] if v["name"] == "secrets" for item in v["secret"]["items"]]
        assert sorted(mounted) == sorted(secret["target"] for secret in compose_services()[name].get("secrets", []))


@pytest.mark.parametrize("name", [name for name in MODELS if name != "setup"])
def test_ports_are_those_of_the_image(name: str) -> None:
    dockerfile = (CHECKOUT / "deploy" / "docker" / "Dockerfile").read_text()
    prefix, port = MODELS[name].model_config["env_prefix"], DEFAULT_OF[name]["port"]
    assert f"ENV {prefix}HOST=0.0.0.0 {prefix}PORT={port}\n" in dockerfile
    assert pods("base")[name]["containers"][0]["ports"] == [{"name": "http", "containerPort": port}]


def test_the_key_files_are_where_the_settings_say() -> None:
    for name, field in (("producer-api", "WRITE_KEYS_FILE"), ("query-api", "KEYS_FILE")):
        pod = pods("overlays/production")[name]
        config = pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]
        data = of_kind("overlays/production", "ConfigMap")[config]["data"]
        [mount] = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "keys"]
        [volume] = [v for v in pod["volumes"] if v["name"] == "keys"]
        path = f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}"
        assert data[f"{MODELS[name].model_config['env_prefix']}{field}"] == path


@pytest.mark.parametrize("variant", ["base", "overlays/production"])
def test_there_are_never_more_consumers_than_partitions(variant: str) -> None:
    scaling = of_kind(variant, "ScaledObject")["consumer"]["spec"]
    partitions = DEFAULT_OF["setup"]["topic_partitions"]
    assert scaling["minReplicaCount"] <= scaling["fallback"]["replicas"] <= scaling["maxReplicaCount"] == partitions
    assert of_kind("clusters/single", "KafkaTopic")["actions"]["spec"]["partitions"] == partitions
    [trigger] = scaling["triggers"]
    assert trigger["metadata"]["topic"] == DEFAULT_OF["consumer"]["kafka_topic"]
    assert trigger["metadata"]["consumerGroup"] == DEFAULT_OF["consumer"]["kafka_group"]


def test_the_operators_topic_is_the_one_that_the_setup_makes() -> None:
    config = of_kind("clusters/single", "KafkaTopic")["actions"]["spec"]["config"]
    assert config["retention.ms"] == DEFAULT_OF["setup"]["topic_retention_hours"] * 3_600_000
    data = next(c["data"] for n, c in of_kind("base", "ConfigMap").items() if n.startswith("actionlog-setup-"))
    assert str(config["min.insync.replicas"]) == data["SETUP_TOPIC_MIN_INSYNC_REPLICAS"]


def in_bytes(size: str) -> int:
    """As nginx writes sizes: 16k, 1m."""
    return int(size[:-1]) * UNITS[size[-1]]


def held_at_most(service: str) -> int:
    """Bytes that a service's bounds let it hold at one time, beside what it needs at rest (docs/sizing.md)."""
    of = DEFAULT_OF[service]
    if service == "producer-api":
        return int(of["max_inflight_bytes"])
    if service == "consumer":
        return int(of["max_buffered_bytes"]) + int(of["max_block_bytes"])
    figures = of["max_concurrent_queries"] * of["max_figures_bytes"]
    return int(figures + of["tail_max_watchers"] * of["tail_queue_bytes"])


@every_variant
def test_memory_is_enough_for_everything_that_the_bounds_allow(variant: str) -> None:
    for name in ("producer-api", "consumer", "query-api"):
        limit = pods(variant)[name]["containers"][0]["resources"]["limits"]["memory"].removesuffix("i").lower()
        assert in_bytes(limit) >= AT_REST + held_at_most(name), name


def test_the_ingress_lets_through_what_the_apis_take_and_waits_as_long() -> None:
    notes = {name: each["metadata"]["annotations"] for name, each in of_kind("base", "Ingress").items()}
    producer, query = notes["producer-api"], notes["query-api"]
    assert in_bytes(producer[f"{NGINX}/proxy-body-size"]) == DEFAULT_OF["producer-api"]["max_body_bytes"]
    assert int(producer[f"{NGINX}/proxy-read-timeout"]) > DEFAULT_OF["producer-api"]["request_timeout_s"]
    waits = [DEFAULT_OF["query-api"][name] for name in ("tail_heartbeat_s", "after_max_wait_s")]
    longest = max(*waits, DEFAULT_OF["query-api"]["query_timeout_ms"] / 1000)
    assert int(query[f"{NGINX}/proxy-read-timeout"]) > longest
    assert query[f"{NGINX}/proxy-buffering"] == "off"
    assert all(note[f"{NGINX}/proxy-next-upstream"] == "off" for note in notes.values())


def test_metrics_and_health_stay_inside() -> None:
    rules = [rule for each in of_kind("base", "Ingress").values() for rule in each["spec"]["rules"]]
    paths = {path["path"] for rule in rules for path in rule["http"]["paths"]}
    assert paths == {"/log", "/docs", "/openapi.json"}


def test_the_operators_servers_have_our_users() -> None:
    files = of_kind("clusters/single", "ClickHouseInstallation")["actionlog"]["spec"]["configuration"]["files"]
    ours = (CHECKOUT / "deploy" / "clickhouse" / "users.d" / "actionlog.xml").read_text()
    assert files == {"users.d/actionlog.xml": ours}, "copy it into deploy/kubernetes/clusters/single/users.yaml"


def test_passwords_of_clickhouse_come_from_the_secret() -> None:
    [container] = cluster_pods("clusters/single")["server"]["containers"]
    given = {each["name"]: each["valueFrom"]["secretKeyRef"]["key"] for each in container["env"]}
    roles = ("admin", "writer", "reader", "eraser")
    assert given == {f"ACTIONLOG_{role.upper()}_PASSWORD": f"clickhouse-{role}-password" for role in roles}

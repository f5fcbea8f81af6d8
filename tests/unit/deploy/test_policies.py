"""What each pod may do: as little as the restricted Pod Security Standard allows, and less."""

import re
from typing import Final

import pytest

from deploy.local.settings import CHECKOUT
from producer_api.settings import Settings as ProducerSettings
from tests.unit.deploy.manifests import (
    CLUSTERS,
    Object,
    cluster_pods,
    compose_services,
    containers,
    every_variant,
    of_kind,
    pods,
)

_TAGGED: Final = re.compile(r"^[^@]+:(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$")
_APIS: Final = ("producer-api", "query-api")
_LONG_RUNNING: Final = ("consumer", *_APIS)


def assert_restricted(pod: Object) -> None:
    """As the namespace's label demands; a pod that is not is refused by the cluster."""
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for container in pod["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in container["securityContext"]
        assert all("hostPort" not in port for port in container.get("ports", []))
    assert all("hostPath" not in volume for volume in pod.get("volumes", []))


def assert_limited(container: Object) -> None:
    """Memory is limited and asked for, CPU asked for. No limit on CPU: it would stop a service in the middle of a
    millisecond while the node idles."""
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@every_variant
def test_pods_are_restricted(variant: str) -> None:
    assert set(pods(variant)) == {"setup", *_LONG_RUNNING}
    for pod in pods(variant).values():
        assert_restricted(pod)
        assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize("variant", CLUSTERS)
def test_pods_of_clickhouse_are_restricted_and_limited(variant: str) -> None:
    assert set(cluster_pods(variant)) == ({"server"} if variant == "clusters/single" else {"server", "keeper"})
    for pod in cluster_pods(variant).values():
        assert_restricted(pod)
        for container in pod["containers"]:
            assert_limited(container)
            assert _TAGGED.search(container["image"])


@every_variant
def test_the_namespace_enforces_it(variant: str) -> None:
    labels = of_kind(variant, "Namespace")["actionlog"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@every_variant
def test_containers_cannot_write_their_images_and_have_limits(variant: str) -> None:
    for _, container in containers(variant):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert_limited(container)


@every_variant
def test_images_are_tagged_and_not_with_latest(variant: str) -> None:
    for name, container in containers(variant):
        assert _TAGGED.search(container["image"]), container["image"]
        assert container["image"].rpartition("/")[2].startswith(f"{name}:")


@pytest.mark.parametrize("image", ["actionlog/consumer", "actionlog/consumer:latest", "host:5000/consumer"])
def test_untagged_and_latest_would_be_seen(image: str) -> None:
    assert not _TAGGED.search(image) or ":5000/" in image


def test_images_of_compose_are_tagged_and_not_with_latest() -> None:
    images = {re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", service["image"]) for service in compose_services().values()}
    assert images
    assert all(_TAGGED.search(image) for image in images), images


@every_variant
def test_each_pod_has_a_service_account_of_its_own_without_a_token(variant: str) -> None:
    accounts = of_kind(variant, "ServiceAccount")
    assert {name: pod["serviceAccountName"] for name, pod in pods(variant).items()} == {name: name for name in accounts}
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())


@every_variant
def test_a_pod_has_time_to_drain(variant: str) -> None:
    drain_s = ProducerSettings.model_fields["drain_timeout_s"].default  # the same for all
    for name, pod in pods(variant).items():
        if name == "setup":
            continue
        [container] = pod["containers"]
        pause_s = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["terminationGracePeriodSeconds"] >= drain_s + pause_s + 5
        assert (pause_s > 0) == (name in _APIS), "load balancers need a moment to forget an API"


@every_variant
def test_liveness_is_shallow_and_readiness_is_asked(variant: str) -> None:
    """A restart heals nothing while Kafka or ClickHouse is away."""
    for name, container in containers(variant):
        if name == "setup":
            continue
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["startupProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["readinessProbe"]["timeoutSeconds"] > 2, "a readiness check takes two seconds at most"


@every_variant
def test_an_update_never_has_fewer_pods(variant: str) -> None:
    for deployment in of_kind(variant, "Deployment").values():
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        assert "replicas" not in deployment["spec"] or variant == "overlays/dev", "the autoscaler's decision"
        selected = deployment["spec"]["selector"]["matchLabels"].items()
        assert selected <= deployment["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("variant", ["base", "overlays/production"])
def test_drains_and_lost_zones_leave_some(variant: str) -> None:
    assert set(of_kind(variant, "PodDisruptionBudget")) == set(_LONG_RUNNING)
    for name in _LONG_RUNNING:
        spread = pods(variant)[name]["topologySpreadConstraints"]
        keys = {constraint["topologyKey"] for constraint in spread}
        assert keys == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}


def test_two_brokers_or_two_keepers_are_never_on_one_node() -> None:
    pool = of_kind("clusters/sharded", "KafkaNodePool")["broker"]
    spread = {
        "Kafka": pool["spec"]["template"]["pod"]["topologySpreadConstraints"],
        "Keeper": cluster_pods("clusters/sharded")["keeper"]["topologySpreadConstraints"],
    }
    for constraints in spread.values():
        [nodes] = [each for each in constraints if each["topologyKey"] == "kubernetes.io/hostname"]
        assert (nodes["maxSkew"], nodes["whenUnsatisfiable"]) == (1, "DoNotSchedule")
    cluster = pool["metadata"]["labels"]["strimzi.io/cluster"]
    selected = {"strimzi.io/cluster": cluster, "strimzi.io/pool-name": pool["metadata"]["name"]}
    assert spread["Kafka"][0]["labelSelector"] == {"matchLabels": selected}


@every_variant
def test_no_secret_is_in_the_manifests(variant: str) -> None:
    """They are referred to by name, and reach the services as files: no environment shows them."""
    assert not of_kind(variant, "Secret")
    for _, container in containers(variant):
        assert "env" not in container
        assert all(set(source) == {"configMapRef"} for source in container["envFrom"])
    for config in of_kind(variant, "ConfigMap").values():
        assert not [name for name in config["data"] if re.search("PASSWORD|SECRET", name)]


def test_the_sample_secrets_are_all_there_are() -> None:
    """Compose and Kubernetes name the same secrets."""
    sample = CHECKOUT / "deploy" / "compose" / "secrets.sample"
    named = {file.name.replace("_", "-") for file in sample.iterdir()} - {"grafana-admin-password"}
    used = {
        item["key"]
        for pod in pods("base").values()
        for volume in pod["volumes"]
        if "secret" in volume
        for item in volume["secret"]["items"]
    }
    assert used == named

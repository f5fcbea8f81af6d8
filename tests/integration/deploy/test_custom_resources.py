"""The custom objects fit their operators' own schemas, strictly: an operator drops what it does not know in silence."""

import copy
from typing import Any, Final

import jsonschema_rs
import pytest

from tests.integration.deploy.operator_schemas import schema_of
from tests.unit.deploy.manifests import CLUSTERS, CUSTOM, MONITORING, SERVICES, Object, of_kind, render

VARIANTS: Final = (*SERVICES, *CLUSTERS, MONITORING)
# A folder with the object, its kind, the way to a place in it, and what would be wrong there.
MISTAKES: Final[list[tuple[str, str, list[str | int], object]]] = [
    ("base", "ScaledObject", ["spec", "maxReplicas"], 12),
    ("base", "ScaledObject", ["spec", "maxReplicaCount"], "twelve"),
    (MONITORING, "PodMonitor", ["spec", "podMetricsEndpoints", 0, "intervall"], "15s"),
    (MONITORING, "PodMonitor", ["spec", "podMetricsEndpoints", 0, "interval"], "15 seconds"),
    (MONITORING, "PrometheusRule", ["spec", "groups", 0, "rules", 0, "severity"], "page"),
    ("clusters/single", "Kafka", ["spec", "kafka", "listener"], []),
    ("clusters/single", "Kafka", ["spec", "kafka", "listeners", 0, "port"], "9092"),
    ("clusters/single", "Kafka", ["spec", "kafka", "listeners", 0, "networkPolicyPeers", 0, "podSelectors"], {}),
    ("clusters/single", "Kafka", ["spec", "kafka", "listeners", 1, "authentication", "type"], "scram"),
    ("clusters/single", "KafkaNodePool", ["spec", "roles", 0], "brokers"),
    ("clusters/single", "KafkaNodePool", ["spec", "storage", "volumes", 0, "deleteClaims"], False),
    ("clusters/single", "KafkaTopic", ["spec", "partition"], 12),
    ("clusters/single", "KafkaTopic", ["spec", "partitions"], 0),
    ("clusters/sharded", "ClickHouseInstallation", ["spec", "configuration", "clusters", 0, "layouts"], {}),
    ("clusters/sharded", "ClickHouseInstallation", ["spec", "configuration", "zookeeper", "nodes", 0, "port"], "2181"),
    ("clusters/sharded", "ClickHouseInstallation", ["spec", "templates", "podTemplates", 0, "podDistributions"], []),
    (
        "clusters/sharded",
        "ClickHouseInstallation",
        ["spec", "templates", "volumeClaimTemplates", 0, "reclaimPolicy"],
        "Keep",
    ),
    (
        "clusters/sharded",
        "ClickHouseKeeperInstallation",
        ["spec", "configuration", "clusters", 0, "layout", "replicas"],
        3,
    ),
    ("clusters/sharded", "ClickHouseKeeperInstallation", ["spec", "defaults", "templates", "pod"], "keeper"),
]


def fits(each: Object) -> None:
    schema = schema_of(each["apiVersion"], each["kind"])
    jsonschema_rs.Draft202012Validator(schema).validate(each)


def custom(variant: str) -> list[Object]:
    return [each for each in render(variant) if (each["apiVersion"], each["kind"]) in CUSTOM]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_custom_object_fits_its_operators_schema(variant: str) -> None:
    for each in custom(variant):
        fits(each)


def test_objects_of_every_custom_kind_are_looked_at() -> None:
    assert {(each["apiVersion"], each["kind"]) for variant in VARIANTS for each in custom(variant)} == CUSTOM


@pytest.mark.parametrize(("variant", "kind", "path", "wrong"), MISTAKES)
def test_a_mistake_would_be_seen(variant: str, kind: str, path: list[str | int], wrong: object) -> None:
    [each] = copy.deepcopy(list(of_kind(variant, kind).values()))
    *way, last = path
    place: Any = each
    for step in way:
        place = place[step]
    place[last] = wrong
    with pytest.raises(jsonschema_rs.ValidationError, match=str(last) if isinstance(last, str) else str(wrong)):
        fits(each)


def test_every_kind_has_a_mistake_that_would_be_seen() -> None:
    assert {kind for _, kind, _, _ in MISTAKES} == {kind for _, kind in CUSTOM}

"""Every object is one that Kubernetes knows, in the shape of its own schema."""

from typing import Final

import pytest
from kubernetes_validate.utils import ValidationError, validate

from deploy.local.settings import CHECKOUT
from tests.unit.deploy.manifests import (
    CLUSTERS,
    CUSTOM,
    MONITORING,
    SERVICES,
    Object,
    clickhouse_objects,
    cluster_pods,
    cluster_templates,
    render,
)

OLDEST: Final = "1.30"  # that docs/deploy.md promises
VERSIONS: Final = (OLDEST, "1.37")


def name_of(each: Object) -> str:
    return f"{each['kind']} {each['metadata']['name']}"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("variant", [*SERVICES, *CLUSTERS])
def test_every_object_fits_its_schema(variant: str, version: str) -> None:
    checked = 0
    for each in render(variant):
        if (each["apiVersion"], each["kind"]) not in CUSTOM:
            validate(each, version, strict=True)
            checked += 1
    assert checked


@pytest.mark.parametrize("variant", [*SERVICES, *CLUSTERS, MONITORING])
def test_names_and_labels_of_custom_objects_are_such_as_kubernetes_takes(variant: str) -> None:
    """Their own schemas leave them to Kubernetes."""
    for each in render(variant):
        validate({"apiVersion": "v1", "kind": "ConfigMap", "metadata": each["metadata"]}, OLDEST, strict=True)


@pytest.mark.parametrize("variant", CLUSTERS)
def test_what_the_operators_make_of_their_objects_fits_too(variant: str) -> None:
    """The templates of pods and volumes, which the ClickHouse operator's own schema leaves open."""
    pods, volumes = cluster_pods(variant), cluster_templates(variant, "volumeClaimTemplates")
    assert len(pods) == len(volumes) == len(clickhouse_objects(variant))
    for kind, specs in (("Pod", pods), ("PersistentVolumeClaim", volumes)):
        for name, spec in specs.items():
            made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
            validate(made, OLDEST, strict=True)


@pytest.mark.parametrize("variant", CLUSTERS)
def test_the_templates_that_are_named_are_there(variant: str) -> None:
    for each in clickhouse_objects(variant):
        there = {template["name"] for group in each["spec"]["templates"].values() for template in group}
        assert set(each["spec"]["defaults"]["templates"].values()) == there


@pytest.mark.parametrize("variant", [*SERVICES, *CLUSTERS, MONITORING])
def test_every_object_is_in_the_namespace_and_there_once(variant: str) -> None:
    names = [name_of(each) for each in render(variant)]
    assert len(names) == len(set(names))
    placed = {each["metadata"].get("namespace") for each in render(variant) if each["kind"] != "Namespace"}
    assert placed == {"actionlog"}


def test_the_oldest_version_is_the_one_that_the_docs_name() -> None:
    assert f"Needs Kubernetes {OLDEST} or newer" in (CHECKOUT / "docs" / "deploy.md").read_text()


def test_a_misspelt_field_would_be_seen() -> None:
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    pod["spec"] = {"containers": [{"name": "a", "image": "a:1", "imagePulPolicy": "Always"}]}
    with pytest.raises(ValidationError):
        validate(pod, OLDEST, strict=True)

"""How many of each service: who decides it, on what grounds, and that what selects pods by their labels finds them."""

from typing import Final

import pytest

from tests.unit.deploy.manifests import SERVICES, Object, every_variant, of_kind, pods

APIS: Final = ("producer-api", "query-api")


def labels(variant: str, name: str) -> dict[str, str]:
    found: dict[str, str] = of_kind(variant, "Deployment")[name]["spec"]["template"]["metadata"]["labels"]
    return found


@every_variant
def test_the_apis_follow_their_cpu(variant: str) -> None:
    scalers = of_kind(variant, "HorizontalPodAutoscaler")
    assert set(scalers) == set(APIS)
    for name, scaler in scalers.items():
        spec = scaler["spec"]
        assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        [metric] = spec["metrics"]
        assert metric["resource"]["target"]["type"] == "Utilization", "of what is asked for, so CPU must be asked for"
        assert pods(variant)[name]["containers"][0]["resources"]["requests"]["cpu"]
        least, most = (1, 1) if variant == "overlays/dev" else (2, spec["maxReplicas"])
        assert least <= spec["minReplicas"] <= spec["maxReplicas"] <= most


@every_variant
def test_one_alone_decides_how_many(variant: str) -> None:
    scalers = of_kind(variant, "HorizontalPodAutoscaler", "ScaledObject").values()
    targets = [scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers]
    assert len(targets) == len(set(targets))
    fixed = {name for name, one in of_kind(variant, "Deployment").items() if "replicas" in one["spec"]}
    assert fixed | set(targets) == {"consumer", *APIS}
    assert not fixed & set(targets)


@pytest.mark.parametrize("variant", [variant for variant in SERVICES if variant != "overlays/dev"])
def test_a_budget_lets_a_node_be_drained(variant: str) -> None:
    """One pod at a time, of at least two: a budget that allows none would hold the node for ever."""
    least = {name: one["spec"]["minReplicas"] for name, one in of_kind(variant, "HorizontalPodAutoscaler").items()}
    least["consumer"] = of_kind(variant, "ScaledObject")["consumer"]["spec"]["minReplicaCount"]
    for name, budget in of_kind(variant, "PodDisruptionBudget").items():
        assert budget["spec"]["maxUnavailable"] == 1
        assert least[name] >= 2


@every_variant
def test_what_selects_pods_finds_those_of_its_name_and_no_others(variant: str) -> None:
    everybody = {name: labels(variant, name) for name in of_kind(variant, "Deployment")}
    selectors: list[tuple[str, Object]] = [
        *((name, one["spec"]["selector"]) for name, one in of_kind(variant, "Service").items()),
        *(
            (name, one["spec"]["selector"]["matchLabels"])
            for name, one in of_kind(variant, "PodDisruptionBudget").items()
        ),
        *(
            (name, constraint["labelSelector"]["matchLabels"])
            for name in everybody
            for constraint in pods(variant)[name]["topologySpreadConstraints"]
        ),
    ]
    assert {name for name, _ in selectors} == set(everybody)
    for name, selector in selectors:
        assert [other for other, own in everybody.items() if selector.items() <= own.items()] == [name]


@every_variant
def test_the_services_and_the_ingress_lead_to_ports_that_are_there(variant: str) -> None:
    ports = {
        name: {port["name"] for port in pod["containers"][0].get("ports", [])} for name, pod in pods(variant).items()
    }
    services = of_kind(variant, "Service")
    for name, service in services.items():
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports[name]
    for ingress in of_kind(variant, "Ingress").values():
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}


@every_variant
def test_the_setup_tries_again_and_ends(variant: str) -> None:
    """Kafka and ClickHouse may come later than it; a setup that cannot succeed must not try for ever."""
    [setup] = of_kind(variant, "Job").values()
    assert setup["spec"]["backoffLimit"] >= 5
    assert setup["spec"]["activeDeadlineSeconds"] <= 1800
    assert setup["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert setup["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PreSync"

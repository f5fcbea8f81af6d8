"""An overlay that takes the shards' component: every service is told of the same shards, and of all of them."""

import os
from typing import Final

import pytest

from consumer.settings import Settings as ConsumerSettings
from deploy.setup.settings import SetupSettings
from query_api.settings import Settings as QuerySettings
from tests.unit.deploy.manifests import KUBERNETES, of_kind, pods

_CLUSTER: Final = "clusters/sharded"
_OVERLAY: Final = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
components: [{component}]
"""


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> str:
    """As ``render`` takes it: from deploy/kubernetes to the folder."""
    folder = tmp_path_factory.mktemp("overlay")
    named = ("overlays/production", f"{_CLUSTER}/services")
    base, component = (os.path.relpath(KUBERNETES / each, folder) for each in named)
    (folder / "kustomization.yaml").write_text(_OVERLAY.format(base=base, component=component))
    return os.path.relpath(folder, KUBERNETES)


def environment(overlay: str, name: str) -> dict[str, str]:
    """What a service is told, in its ConfigMap; the pod's name for it has the hash of the content."""
    [source] = pods(overlay)[name]["containers"][0]["envFrom"]
    values: dict[str, str] = of_kind(overlay, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    return values


def test_every_service_is_told_of_the_same_shards(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("setup", "consumer", "query-api"):
        for variable, value in environment(overlay, name).items():
            monkeypatch.setenv(variable, value)
    setup, consumer, query = SetupSettings(), ConsumerSettings(), QuerySettings()
    assert setup.shard_urls == consumer.shard_urls == query.shard_urls
    assert consumer.insert_quorum == "auto"
    assert setup.clickhouse_url == setup.shard_urls[0]
    [cluster] = of_kind(_CLUSTER, "ClickHouseInstallation")["actionlog"]["spec"]["configuration"]["clusters"]
    assert setup.cluster is not None
    assert (setup.cluster.name, setup.cluster.replicated) == (cluster["name"], True)
    hosts = [f"chi-actionlog-{cluster['name']}-{shard}-0" for shard in range(cluster["layout"]["shardsCount"])]
    assert list(setup.shard_urls) == [f"http://{host}.actionlog.svc:8123" for host in hosts]


def test_a_service_that_needs_no_clickhouse_is_told_nothing(overlay: str) -> None:
    assert not [name for name in environment(overlay, "producer-api") if "SHARD" in name]

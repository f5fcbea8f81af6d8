"""The operators' own schemas of their custom objects, from package registries, each held to a hash.

| whose | package | how it becomes a schema |
|---|---|---|
| KEDA | Go module ``github.com/kedacore/keda/v2`` | the CRD is in it |
| Prometheus operator | Go module of the same name | the CRDs are in it |
| Strimzi | Maven's ``io.strimzi:api`` and ``io.strimzi:crd-generator`` | Strimzi's generator writes the CRDs |
| ClickHouse's operator | crates ``kcr_clickhouse*_altinity_com`` | ``rust_types``: they were made from the CRDs |

A schema here is strict: a field that Kubernetes would drop in silence is an error.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.local.components.java import find_java
from deploy.local.components.kafka_jars import Jar, read_lock
from deploy.local.components.verified import sha256_of
from deploy.local.settings import CHECKOUT, LocalSettings
from tests.integration.deploy import rust_types
from tests.integration.deploy.fetching import CLIENT_S, ask, cached, go_file
from tests.selection import unavailable
from tests.unit.deploy.manifests import Object

# By kind: the Go module with its version, the CRD's file in it, and that file's SHA-256.
_MONITORING: Final = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
_IN_MONITORING: Final = "example/prometheus-operator-crd/monitoring.coreos.com"
GO_MODULES: Final = {
    "ScaledObject": (
        "github.com/kedacore/keda/v2@v2.21.0",
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "af35555862a83933b074af14ad439c4b4ceabaf4daa3e9338e9b23e36d308d80",
    ),
    "PodMonitor": (
        _MONITORING,
        f"{_IN_MONITORING}_podmonitors.yaml",
        "8ce88c52c51209993511cae093089c9525f5552def88119e3f559123ee9d454b",
    ),
    "PrometheusRule": (
        _MONITORING,
        f"{_IN_MONITORING}_prometheusrules.yaml",
        "98fd16c9ab79fba8dcd6ef62c957c98cd6546ab74ce0a4ecf09ddf2fda03020e",
    ),
}
STRIMZI_LOCK: Final = Path(__file__).with_name("strimzi.lock")
STRIMZI_CLASSES: Final = {
    "Kafka": "kafka.Kafka",
    "KafkaNodePool": "nodepool.KafkaNodePool",
    "KafkaTopic": "topic.KafkaTopic",
}
# By the objects' API group: crate, version, SHA-256 of the crate, and the file that has the kind's types.
ALTINITY: Final = {
    "clickhouse.altinity.com": (
        "kcr_clickhouse_altinity_com",
        "3.20260611.182040",
        "c74d0c683240a6499679151f9542b603cfd85859c42bd0afa72eea3b9f69267e",
        "src/v1/clickhouseinstallations.rs",
    ),
    "clickhouse-keeper.altinity.com": (
        "kcr_clickhouse_keeper_altinity_com",
        "3.20260607.221302",
        "209b23256e44b037a0e609c5e8de8cc87f967a3cbba80c673a96095925954a5b",
        "src/v1/clickhousekeeperinstallations.rs",
    ),
}


def schema_of(api_version: str, kind: str) -> Object:
    """The strict schema of a custom object. Raises KeyError for one that no operator of ours has."""
    group, _, version = api_version.partition("/")
    if group in ALTINITY:
        return altinity(group, kind)
    crd = strimzi()[kind] if group == "kafka.strimzi.io" else from_go(kind)
    [served] = [each for each in crd["spec"]["versions"] if each["name"] == version]
    strict: Object = closed(served["schema"]["openAPIV3Schema"])
    return strict


def closed(node: Any) -> Any:
    """The schema with ``additionalProperties: false`` wherever Kubernetes would prune what it does not know."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: closed(value) for key, value in node.items()}
    open_on_purpose = "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields")
    if isinstance(node.get("properties"), dict) and not open_on_purpose:
        inner["additionalProperties"] = False
    return inner


@functools.cache
def from_go(kind: str) -> Object:
    module, crd, sha256 = GO_MODULES[kind]
    file = cached(f"{kind}-{sha256[:12]}.yaml", functools.partial(go_file, module, crd), sha256)
    definition: Object = yaml.safe_load(file.read_text())
    return definition


@functools.cache
def strimzi() -> dict[str, Object]:
    """By jgo and the Java that run the local Kafka. In the cache as JSON: YAML of this size takes seconds to read."""

    def generate(into: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            crds = run_generator(strimzi_jars(Path(folder)), Path(folder))
            into.write_text(json.dumps({kind: yaml.safe_load(file.read_text()) for kind, file in crds.items()}))

    file = cached(f"strimzi-{sha256_of(STRIMZI_LOCK)[:12]}.json", generate)
    crds: dict[str, Object] = json.loads(file.read_text())
    return crds


def strimzi_jars(folder: Path) -> list[Path]:
    jars: list[Jar] = read_lock(STRIMZI_LOCK.read_text())
    fetch: list[str | Path] = [sys.executable, "-m", "deploy.local.components.jgo_fetch", STRIMZI_LOCK, folder]
    ask(fetch, "Strimzi's jars", CHECKOUT)
    assert all(jar.matches(folder / jar.repository_path) for jar in jars), f"not the jars that {STRIMZI_LOCK.name} pins"
    return [folder / jar.repository_path for jar in jars]


def run_generator(jars: list[Path], folder: Path) -> dict[str, Path]:
    files = {kind: folder / f"{kind}.yaml" for kind in STRIMZI_CLASSES}
    classes = [f"io.strimzi.api.kafka.model.{name}={files[kind]}" for kind, name in STRIMZI_CLASSES.items()]
    java = str(find_java(LocalSettings().java))
    words = [java, "-cp", ":".join(map(str, jars)), "io.strimzi.crdgenerator.CrdGenerator", "--yaml"]
    options = ["--crd-api-version", "v1", "--target-kube", "1.25+"]
    subprocess.run([*words, *options, *classes], check=True, capture_output=True, timeout=CLIENT_S)
    return files


@functools.cache
def altinity(group: str, kind: str) -> Object:
    """By cargo, which unpacks nothing of what it fetched here: the types are read out of the crate's archive."""
    crate, version, sha256, file = ALTINITY[group]

    def fetch(into: Path) -> None:
        cargo = shutil.which("cargo") or unavailable(
            "the schemas of ClickHouse's operator are crates: there is no cargo"
        )
        ask([cargo, "info", f"{crate}@{version}"], crate)
        [archive, *_] = cargo_home().glob(f"registry/cache/*/{crate}-{version}.crate")
        shutil.copyfile(archive, into)

    with tarfile.open(cached(f"{crate}-{version}.crate", fetch, sha256)) as archive:
        member = archive.extractfile(f"{crate}-{version}/{file}")
        assert member is not None
        return rust_types.schema(member.read().decode(), f"{group}/v1", kind)


def cargo_home() -> Path:
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")

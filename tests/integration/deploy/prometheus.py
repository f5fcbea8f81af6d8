"""Prometheus and promtool, the machine's own or Debian's package, and a server that scrapes the services of a test."""

import contextlib
import math
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from tests.integration.deploy.fetching import ask, cached
from tests.ports import free_ports
from tests.selection import unavailable
from tests.unit.deploy.manifests import OBSERVABILITY
from tests.waiting import wait_until

_READY_S: Final = 60

Sample = dict[str, Any]


def tools(into: Path) -> Path:
    """The folder of ``prometheus`` and ``promtool``: the PATH's, else those of Debian's package, unpacked there."""
    found = shutil.which("prometheus")
    if found and shutil.which("promtool"):
        return Path(found).parent
    unpacked = into / "prometheus"
    dpkg = shutil.which("dpkg-deb") or unavailable("there is no prometheus on the PATH, and no Debian to get it from")
    ask([dpkg, "-x", cached("prometheus.deb", download), unpacked], "Debian's package prometheus")
    return unpacked / "usr" / "bin"


def download(into: Path) -> None:
    """By apt with lists of its own: it needs no root, and leaves the machine's as they are."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("lists/partial", "archives/partial"):
            (Path(folder) / part).mkdir(parents=True)
        apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}"]
        ask([*apt, "update"], "Debian's list of packages")
        ask([*apt, "download", "prometheus"], "Debian's package prometheus", Path(folder))
        [package] = Path(folder).glob("prometheus_*.deb")
        shutil.copyfile(package, into)


class Prometheus:
    """A running server. ``url`` is its address."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def samples(self, expression: str) -> list[Sample]:
        """What the expression is now, without what is no number: a quantile of nothing is NaN."""
        result: list[Sample] = self.get("query", query=expression)["result"]
        return [sample for sample in result if math.isfinite(float(sample["value"][1]))]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def pending_or_firing(self) -> set[str]:
        return {rule["name"] for rule in self.rules() if rule["state"] != "inactive"}

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).status_code == 200
        except httpx.TransportError:
            return False


@contextlib.contextmanager
def running(binaries: Path, folder: Path, addresses: Mapping[str, str]) -> Iterator[Prometheus]:
    """With the rules and jobs of deploy/observability; the addresses are those of the jobs, by name: ``host:port``."""
    [port] = free_ports(1)
    words = [str(binaries / "prometheus"), f"--config.file={configuration(folder, addresses)}", "--log.level=warn"]
    options = [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    server = Prometheus(f"http://127.0.0.1:{port}")
    with (folder / "log").open("wb") as log, subprocess.Popen([*words, *options], stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: server.is_ready() or process.poll() is not None, _READY_S, "Prometheus is ready")
            assert process.poll() is None, (folder / "log").read_text()
            yield server
        finally:
            process.kill()


def configuration(folder: Path, addresses: Mapping[str, str]) -> Path:
    """That of deploy/observability, with the test's addresses instead of the names of compose, and in a hurry."""
    config = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(OBSERVABILITY / "alerts.yml")]
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [addresses[job["job_name"]]]}]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    return file

"""Make kafka.lock and engine.lock again: ``python -m deploy.local lock``, after a version was changed."""

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.local.components import download, engine_package, kafka_jars, verified
from deploy.local.components.npm import npm_command

_KAFKA_HEADER = """\
# Kafka's jars: sha256, size in bytes, Maven coordinates. Every download is checked against this list.
# Made by `python -m deploy.local lock`, which resolves:
"""
_ENGINE_HEADER = """\
# The ClickHouse engine's npm packages: platform, size of the archive in bytes, its integrity, sha256 of libchdb.so.
# Made by `python -m deploy.local lock` for those platforms whose package the registry has.
"""
_VIEW_S = 60


def write_locks(progress: download.Progress, say: Callable[[str], None]) -> None:
    """Resolve and download everything anew, and write both locks. Raises what the clients raise."""
    with tempfile.TemporaryDirectory() as folder:
        jars = _resolve_kafka(Path(folder))
        header = _KAFKA_HEADER + "".join(f"#   {part}\n" for part in kafka_jars.ENDPOINT.split("+"))
        kafka_jars.LOCK_FILE.write_text(header + "".join(f"{jar.to_line()}\n" for jar in jars))
        say(f"kafka.lock: {len(jars)} jars")
    pins = [pin for name in engine_package.platforms() if (pin := _pin_engine(name, progress, say))]
    engine_package.LOCK_FILE.write_text(_ENGINE_HEADER + "".join(f"{pin.to_line()}\n" for pin in pins))
    say(f"engine.lock: {', '.join(pin.platform for pin in pins)}")


def _resolve_kafka(repository: Path) -> list[kafka_jars.Jar]:
    """The whole dependency graph, by jgo: half a minute."""
    from jgo.maven import MavenContext  # half a second to import, and only needed here

    context = MavenContext(repo_cache=repository, timeout=30)
    roots = [context.create_dependency(part) for part in kafka_jars.ENDPOINT.split("+")]
    inputs, transitive = context.resolver.resolve(roots)
    wanted = [*inputs, *(dependency for dependency in transitive if dependency.scope in ("compile", "runtime"))]
    jars = set()
    for artifact in (dependency.artifact for dependency in wanted):
        path = artifact.resolve()
        digest = verified.sha256_of(path)
        jars.add(kafka_jars.Jar(artifact.groupId, artifact.artifactId, artifact.version, path.stat().st_size, digest))
    return sorted(jars)


def _pin_engine(name: str, progress: download.Progress, say: Callable[[str], None]) -> engine_package.EnginePin | None:
    package = f"@chdb/lib-{name}@{engine_package.VERSION}"
    view = subprocess.run(
        [*npm_command(), "view", package, "dist.integrity", "--json"],
        capture_output=True,
        text=True,
        timeout=_VIEW_S,
        check=False,
    )
    if view.returncode != 0:
        say(f"engine.lock: the registry has no {package}")
        return None
    with tempfile.TemporaryDirectory() as folder:
        download.run(
            engine_package.pack(package, Path(folder), 0, package), progress, timeout_s=1800, cancelled=lambda: False
        )
        archive = engine_package.archive_in(Path(folder))
        integrity = engine_package.integrity_of(archive)
        if integrity != json.loads(view.stdout):
            raise RuntimeError(f"{package}: the archive's integrity is not what the registry states")
        library = engine_package.extract_library(archive)
        return engine_package.EnginePin(name, archive.stat().st_size, integrity, verified.sha256_of(library))

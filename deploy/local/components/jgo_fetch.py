"""The child process that fetches Kafka's pinned jars with jgo: ``python -m … <lock file> <folder>``.

It asks for exactly the coordinates in the lock. Resolving the dependency graph again would take 30 s and 20 s of CPU,
and could come to another result.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import truststore
from jgo.maven import MavenContext

from deploy.local.components.kafka_jars import Jar, read_lock

_CONNECTIONS = 4
_TRIES = 3


def fetch(jars: list[Jar], repository: Path) -> None:
    """Bring every jar into the Maven repository at that folder. Raises what jgo raises after the last try."""
    context = MavenContext(repo_cache=repository, timeout=30)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        # The longest first, so that no large jar is left for the end.
        for done in [pool.submit(_fetch_one, context, jar, repository) for jar in sorted(jars, key=lambda j: -j.size)]:
            done.result()


def _fetch_one(context: MavenContext, jar: Jar, repository: Path) -> None:
    path = repository / jar.repository_path
    for attempt in range(1, _TRIES + 1):
        if jar.matches(path):
            return
        path.unlink(missing_ok=True)  # the rest of an interrupted download, which jgo would take for the whole
        try:
            context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except OSError:  # requests' errors are OSErrors; a refusal ("not found") is a RuntimeError and final
            if attempt == _TRIES:
                raise


def main() -> None:
    truststore.inject_into_ssl()  # as pip does: a company's own CA is in the machine's store, not in certifi's
    try:
        fetch(read_lock(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""This repository as it was before some change, beside today's: taken from its own history, run by today's Python."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from deploy.local.services import SERVICES
from deploy.local.settings import CHECKOUT
from tests.namespace import Namespace
from tests.ports import free_ports
from tests.services import Service

# The last release before the commits that add these: it did not know the sixth migration, and today's services rely on
# the seventh. The first of both, since between the commits of one change nothing is a release.
_FIRST_AFTER: Final = ("deploy/setup/migrations/0006_filters_by_user_session_id.sql", "consumer/batch.py")
_GIT_S = 60.0
_SETUP_S = 120.0


class OldRelease:
    """Its files in ``folder``; ``version`` is its commit."""

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self._folder = folder

    @classmethod
    def take(cls, folder: Path) -> "OldRelease":
        """Skips the test where the history is not there: in a shallow clone, in an archive."""
        added = _git("log", "--format=%H", "--diff-filter=A", "--", *_FIRST_AFTER).split()
        archive = _git_bytes("archive", f"{added[-1]}^") if added else b""
        if not archive:
            is_whole = _git("rev-parse", "--is-shallow-repository").strip() == "false"
            tell = pytest.fail if is_whole else pytest.skip
            tell("no history of this repository, hence no earlier release to run: clone it whole")
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        return cls(_git("rev-parse", f"{added[-1]}^").strip(), folder)

    @property
    def migrations(self) -> list[int]:
        """The versions that its setup applies."""
        files = (self._folder / "deploy/setup/migrations").glob("*.sql")
        return sorted(int(file.name.partition("_")[0]) for file in files)

    def setup(self, namespace: Namespace) -> subprocess.CompletedProcess[str]:
        """``python -m deploy.setup``, to its end."""
        environment = {
            **namespace.environment("deploy.setup"),
            "SETUP_TOPIC_PARTITIONS": "3",
            "SETUP_FSYNC": "false",
            "SETUP_DISK_RESERVE_BYTES": "0",
        }
        return subprocess.run(
            [sys.executable, "-m", "deploy.setup"],
            cwd=self._folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=_SETUP_S,
            check=False,
        )

    def service(self, module: str, namespace: Namespace, **settings: str) -> Service:
        """One of its services, not yet running; settings without their prefix."""
        (port,) = free_ports(1)
        prefix = next(service.prefix for service in SERVICES if service.module == module)
        own = {f"{prefix}_{name}": text for name, text in {"HOST": "127.0.0.1", "PORT": str(port), **settings}.items()}
        # Processes of ours start in today's checkout, which Python would put before everything else.
        old_code = {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(self._folder)}
        log = self._folder / f"{module}-{port}.log"
        return Service(module, port, {**namespace.environment(module), **own, **old_code}, log)


def _git(*words: str) -> str:
    return _git_bytes(*words).decode()


def _git_bytes(*words: str) -> bytes:
    """Nothing where git, or the history, is not there."""
    try:
        return _run(["git", *words])
    except (OSError, subprocess.CalledProcessError):
        return b""


def _run(argv: Sequence[str]) -> bytes:
    return subprocess.run(argv, cwd=CHECKOUT, capture_output=True, timeout=_GIT_S, check=True).stdout

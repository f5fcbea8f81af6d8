"""Kafka's jars: the lock that pins them, and the folder of the cache that holds exactly them."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.components import verified
from deploy.local.components.download import Download
from deploy.local.errors import ComponentError

VERSION: Final = "4.3.1"
# kafka-tools brings the command-line tools; without a backend slf4j prints a warning and nothing else.
ENDPOINT: Final = "+".join(
    [
        f"org.apache.kafka:kafka_2.13:{VERSION}",
        f"org.apache.kafka:kafka-tools:{VERSION}",
        "org.slf4j:slf4j-simple:1.7.36",
    ]
)
_SHA256_BYTES: Final = 32
LOCK_FILE: Final = Path(__file__).resolve().parents[1] / "kafka.lock"


@dataclass(frozen=True, order=True)
class Jar:
    """One pinned jar: Maven coordinates, size in bytes, SHA-256 in hex."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> Path:
        """Where a Maven repository keeps it."""
        return Path(*self.group.split("."), self.artifact, self.version, self.filename)

    def matches(self, path: Path) -> bool:
        """Whether the file is this jar, byte for byte."""
        return path.is_file() and path.stat().st_size == self.size and verified.sha256_of(path) == self.sha256

    def to_line(self) -> str:
        return f"{self.sha256}  {self.size:>8}  {self.group}:{self.artifact}:{self.version}"

    @classmethod
    def from_line(cls, line: str) -> "Jar":
        """Raises ComponentError when the line is not ``sha256  size  group:artifact:version``."""
        try:
            sha256, size, coordinates = line.split()
            group, artifact, version = coordinates.split(":")
            digest = bytes.fromhex(sha256)
            jar = cls(group, artifact, version, int(size), digest.hex())
        except ValueError as error:
            raise ComponentError(f"kafka.lock: cannot read {line!r}: {error}") from error
        if len(digest) != _SHA256_BYTES:
            raise ComponentError(f"kafka.lock: not a SHA-256 in {line!r}")
        return jar


def read_lock(text: str) -> list[Jar]:
    """The jars of a lock's text; ``#`` begins a comment line."""
    return [Jar.from_line(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


class KafkaJars:
    """The component: ``<cache>/kafka-<version>/*.jar``, exactly those of the lock."""

    name = f"Kafka {VERSION}"

    def __init__(self, cache_dir: Path, lock_file: Path = LOCK_FILE) -> None:
        self._lock_file = lock_file
        self.jars = read_lock(lock_file.read_text())
        self.folder = cache_dir / f"kafka-{VERSION}"
        self._part = cache_dir / f"kafka-{VERSION}.part"
        self._marker = cache_dir / f"kafka-{VERSION}.verified.json"

    @property
    def pin(self) -> str:
        return verified.sha256_of(self._lock_file)

    @property
    def classpath(self) -> str:
        """In the lock's order, which is always the same."""
        return ":".join(str(path) for path in self._files())

    def is_ready(self, *, thorough: bool = False) -> bool:
        """Whether every jar is there and verified; ``thorough`` hashes them all again."""
        if not verified.holds(self._marker, self.pin, self._files()):
            return False
        return not thorough or all(jar.matches(self.folder / jar.filename) for jar in self.jars)

    def download(self) -> Download:
        """Fetches what is missing; jars of an interrupted download that are whole are kept."""
        self._part.mkdir(parents=True, exist_ok=True)
        return Download(
            name=self.name,
            argv=[sys.executable, "-m", "deploy.local.components.jgo_fetch", str(self._lock_file), str(self._part)],
            folder=self._part,
            total_bytes=sum(jar.size for jar in self.jars),
            arrived=self._arrived_bytes,
            environment={},
        )

    def install(self) -> None:
        """Verify what arrived and put it into place in one step. Raises ComponentError."""
        for jar in self.jars:
            if not jar.matches(self._part / jar.repository_path):
                raise ComponentError(f"{self.name}: {jar.filename} is not the file that kafka.lock pins")
        fresh = self._part / "jars"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for jar in self.jars:
            (self._part / jar.repository_path).rename(fresh / jar.filename)
        shutil.rmtree(self.folder, ignore_errors=True)
        fresh.rename(self.folder)
        verified.record(self._marker, self.pin, self._files())
        shutil.rmtree(self._part)

    def _files(self) -> list[Path]:
        return [self.folder / jar.filename for jar in self.jars]

    def _arrived_bytes(self) -> int:
        paths = (self._part / jar.repository_path for jar in self.jars)
        return sum(path.stat().st_size for path in paths if path.exists())

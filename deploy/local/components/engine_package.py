"""ClickHouse's engine: the shared library in the npm package of this platform, pinned in engine.lock."""

import base64
import hashlib
import platform
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.components import verified
from deploy.local.components.download import Download
from deploy.local.components.npm import npm_command
from deploy.local.errors import ComponentError

VERSION: Final = "26.7.3-stable.1"
LIBRARY: Final = "libchdb.so"
LOCK_FILE: Final = Path(__file__).resolve().parents[1] / "engine.lock"
_PLATFORMS: Final = {
    ("Linux", "x86_64"): "linux-x64-gnu",
    ("Linux", "aarch64"): "linux-arm64-gnu",
    ("Darwin", "arm64"): "darwin-arm64",
    ("Darwin", "x86_64"): "darwin-x64",
}
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class EnginePin:
    """One platform's package: size in bytes and sha512 of the archive (npm's ``integrity``), sha256 of the library."""

    platform: str
    archive_bytes: int
    integrity: str
    library_sha256: str

    @property
    def package(self) -> str:
        return f"@chdb/lib-{self.platform}@{VERSION}"

    def to_line(self) -> str:
        return f"{self.platform}  {self.archive_bytes}  {self.integrity}  {self.library_sha256}"


def platforms() -> list[str]:
    """Every platform the package is made for."""
    return list(_PLATFORMS.values())


def this_platform() -> str:
    """The package's name for this machine. Raises ComponentError for a machine it is not made for."""
    machine = (platform.system(), platform.machine())
    if machine not in _PLATFORMS:
        raise ComponentError(
            f"there is no ClickHouse engine package for {' '.join(machine)}; run Kafka and ClickHouse in containers"
        )
    return _PLATFORMS[machine]


def read_lock(text: str) -> dict[str, EnginePin]:
    """The pins of a lock's text by platform. Raises ComponentError for a line that has not four words."""
    pins = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, size, integrity, library = line.split()
            pins[name] = EnginePin(name, int(size), integrity, library)
        except ValueError as error:
            raise ComponentError(f"engine.lock: cannot read {line!r}: {error}") from error
    return pins


def integrity_of(path: Path) -> str:
    """The file's sha512 as npm writes it: ``sha512-<base64>``."""
    digest = hashlib.sha512()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return "sha512-" + base64.b64encode(digest.digest()).decode()


class EnginePackage:
    """The component: ``<cache>/clickhouse-<version>/libchdb.so``."""

    name = "ClickHouse 26.7"

    def __init__(self, cache_dir: Path, lock_file: Path = LOCK_FILE) -> None:
        self._pins = read_lock(lock_file.read_text())
        self.library = cache_dir / f"clickhouse-{VERSION}" / LIBRARY
        self._part = cache_dir / f"clickhouse-{VERSION}.part"
        self._marker = cache_dir / f"clickhouse-{VERSION}.verified.json"

    @property
    def pin(self) -> EnginePin:
        """This machine's pin. Raises ComponentError when engine.lock has none for it."""
        name = this_platform()
        if name not in self._pins:
            raise ComponentError(
                f"engine.lock pins no package for {name}. Where the registry has @chdb/lib-{name}@{VERSION},\n"
                "`python -m deploy.local lock` adds its line; review it and commit it."
            )
        return self._pins[name]

    def is_ready(self, *, thorough: bool = False) -> bool:
        """Whether the library is there and verified; ``thorough`` hashes it again."""
        if not verified.holds(self._marker, self.pin.integrity, [self.library]):
            return False
        return not thorough or verified.sha256_of(self.library) == self.pin.library_sha256

    def download(self) -> Download:
        """Fetches the archive; an interrupted one is started over, because npm can't continue it."""
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)
        return pack(self.pin.package, self._part, self.pin.archive_bytes, self.name)

    def install(self) -> None:
        """Verify the archive, unpack the library and put it into place in one step. Raises ComponentError."""
        archive = archive_in(self._part)
        if integrity_of(archive) != self.pin.integrity:
            raise ComponentError(f"{self.name}: {archive.name} is not the archive that engine.lock pins")
        fresh = extract_library(archive)
        if verified.sha256_of(fresh) != self.pin.library_sha256:
            raise ComponentError(f"{self.name}: {LIBRARY} is not the library that engine.lock pins")
        self.library.parent.mkdir(parents=True, exist_ok=True)
        fresh.replace(self.library)
        verified.record(self._marker, self.pin.integrity, [self.library])
        shutil.rmtree(self._part)


def pack(package: str, folder: Path, total_bytes: int, name: str) -> Download:
    """The download of an npm package's archive into a folder, with npm's own cache inside it."""
    # Nothing is executed: `pack` runs no script of the package, and --ignore-scripts says so too.
    options = [
        "--cache",
        str(folder / "npm"),
        "--pack-destination",
        str(folder),
        "--ignore-scripts",
        "--loglevel=error",
    ]
    return Download(
        name=name,
        argv=[*npm_command(), "pack", package, *options],
        folder=folder,
        total_bytes=total_bytes,
        arrived=lambda: _largest_file_bytes(folder),
        environment={"npm_config_update_notifier": "false", "npm_config_fund": "false", "npm_config_audit": "false"},
    )


def archive_in(folder: Path) -> Path:
    """The one archive that `npm pack` left in the folder. Raises ComponentError when there is none."""
    archives = list(folder.glob("*.tgz"))
    if len(archives) != 1:
        raise ComponentError(f"npm pack left {len(archives)} archives in {folder}, expected one")
    return archives[0]


def extract_library(archive: Path) -> Path:
    """Write the archive's library beside it; nothing else is unpacked. Raises ComponentError when it has none."""
    target = archive.parent / LIBRARY
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.name == f"package/{LIBRARY}" and (source := tar.extractfile(member)):
                with target.open("wb") as file:
                    shutil.copyfileobj(source, file, _CHUNK_BYTES)
                target.chmod(0o755)
                return target
    raise ComponentError(f"{archive.name} holds no {LIBRARY}")


def _largest_file_bytes(folder: Path) -> int:
    """The archive grows in npm's cache first and is then copied out, so the largest file tells how far it is."""
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # npm moves its temporary files while we look
            continue
    return max(sizes)

"""What the tests of this folder get from package registries, each by its own client, once: then from the cache."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.local.components import verified
from deploy.local.settings import LocalSettings
from tests.selection import unavailable

CLIENT_S: Final = 100
_TRIES: Final = 3  # a registry may have a bad second


def go_file(module: str, file: str, into: Path) -> None:
    """A file of a Go module, by Go's own client, which checks the module's sum."""
    go = shutil.which("go") or unavailable(f"{file} is in the Go module {module}, and there is no go on the PATH")
    folder = json.loads(ask([go, "mod", "download", "-json", module], module))["Dir"]
    shutil.copyfile(Path(folder) / file, into)


def ask(words: Sequence[str | Path], what: str, folder: Path = Path("/")) -> str:
    """What a client prints. Skips the test, or fails it in CI, when the client says no again and again, or cannot run.

    Run in ``/`` by default: where there is a ``go.mod`` or a ``Cargo.toml`` of somebody's, clients look at that.
    """
    said = ""
    for _ in range(_TRIES):
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=CLIENT_S, cwd=folder, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            unavailable(f"{what} cannot be fetched: {error}")
        if done.returncode == 0:
            return done.stdout
        said = (done.stdout + done.stderr)[-500:]
    return unavailable(f"{what} cannot be fetched: {said}")


def cached(name: str, make: Callable[[Path], None], sha256: str | None = None) -> Path:
    """The file of that name in the cache; where it is not there yet, ``make`` writes it.

    Several test processes may do so at once: the file comes into place in one step, whole. With a ``sha256`` (hex) the
    file must be that one, fetched or found.
    """
    path = LocalSettings().cache_dir / "tests" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{name}.{os.getpid()}.part")
        try:
            make(fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    if sha256 is not None:
        assert verified.sha256_of(path) == sha256, f"{path} is not the file that this test pins"
    return path

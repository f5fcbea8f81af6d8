"""What is known to be whole in the cache, so that a start need not hash 600 MB again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hex, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def record(marker: Path, pin: str, files: Iterable[Path]) -> None:
    """Note that these files match the pin; call it after they were verified."""
    state = {"pin": pin, "files": {str(path): _stat(path) for path in files}}
    fresh = marker.with_suffix(".new")
    fresh.write_text(json.dumps(state))
    fresh.replace(marker)


def holds(marker: Path, pin: str, files: Iterable[Path]) -> bool:
    """Whether these files were verified against this pin and have the size and the time of change they had then."""
    try:
        state = json.loads(marker.read_text())
        return bool(state["pin"] == pin and state["files"] == {str(path): _stat(path) for path in files})
    except (OSError, ValueError, KeyError):
        return False


def _stat(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]

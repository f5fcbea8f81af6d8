"""Downloads: verified, resumable, safe for two starts at once. The component is a small stand-in; no network."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.components import fetch, verified
from deploy.local.components.download import Download, run
from deploy.local.errors import ComponentError
from tests.waiting import wait_until

_CONTENT = b"0123456789" * 100
_SLOWLY = """
import sys, time
with open(sys.argv[1], "wb", buffering=0) as file:
    for _ in range(100):
        file.write(b"0123456789")
        time.sleep(float(sys.argv[2]))
"""


class Silent:
    """An announcer that counts what was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.waited = False

    def begin(self, name: str, total_bytes: int) -> None:
        self.begun.append(name)

    def advance(self, name: str, done_bytes: int) -> None: ...

    def finish(self, name: str, note: str) -> None: ...

    def waiting(self, holder: str) -> None:
        self.waited = True


class Piece:
    """A component of one file."""

    name = "piece"

    def __init__(self, cache: Path, pause_s: float = 0.0, content: bytes = _CONTENT) -> None:
        self.file, self.part, self._marker = cache / "piece", cache / "piece.part", cache / "piece.json"
        self._cache, self._pause_s, self._content = cache, pause_s, content

    def is_ready(self, *, thorough: bool = False) -> bool:
        return verified.holds(self._marker, "pin", [self.file])

    def download(self) -> Download:
        self._cache.mkdir(exist_ok=True)
        argv = [sys.executable, "-c", _SLOWLY, str(self.part), str(self._pause_s)]
        return Download(self.name, argv, self._cache, len(_CONTENT), self.arrived, {})

    def arrived(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def install(self) -> None:
        if self.part.read_bytes() != self._content:
            raise ComponentError("piece: not the file that is pinned")
        self.part.replace(self.file)
        verified.record(self._marker, "pin", [self.file])


def test_what_is_ready_is_not_fetched_again(tmp_path: Path) -> None:
    piece, told = Piece(tmp_path / "cache"), Silent()
    for _ in range(2):
        fetch.ensure([piece], tmp_path / "cache", told, timeout_s=60)
    assert told.begun == ["piece"]
    assert piece.file.read_bytes() == _CONTENT


def test_a_damaged_file_is_fetched_again(tmp_path: Path) -> None:
    piece, told = Piece(tmp_path / "cache"), Silent()
    fetch.ensure([piece], tmp_path / "cache", told, timeout_s=60)
    piece.file.write_bytes(_CONTENT[:-1])
    fetch.ensure([piece], tmp_path / "cache", told, timeout_s=60)
    assert told.begun == ["piece", "piece"]
    assert piece.file.read_bytes() == _CONTENT


def test_an_interrupted_download_leaves_nothing_that_counts_and_the_next_one_completes(tmp_path: Path) -> None:
    slow, stop = Piece(tmp_path / "cache", pause_s=1), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, slow.download(), Silent(), timeout_s=60, cancelled=stop.is_set)
        wait_until(lambda: slow.arrived() > 0, 50, "the download began")
        stop.set()
        with pytest.raises(ComponentError, match="cancelled"):
            running.result(50)
    assert 0 < slow.arrived() < len(_CONTENT)
    assert not slow.is_ready()
    fetch.ensure([Piece(tmp_path / "cache")], tmp_path / "cache", Silent(), timeout_s=60)
    assert slow.file.read_bytes() == _CONTENT


def test_what_differs_from_its_pin_is_refused(tmp_path: Path) -> None:
    piece = Piece(tmp_path / "cache", content=b"something else")
    with pytest.raises(ComponentError, match="pinned"):
        fetch.ensure([piece], tmp_path / "cache", Silent(), timeout_s=60)
    assert not piece.is_ready()


def test_a_download_that_fails_shows_what_the_client_said(tmp_path: Path) -> None:
    download = Download("piece", [sys.executable, "-c", "raise SystemExit('no route')"], tmp_path, 1, lambda: 0, {})
    with pytest.raises(ComponentError, match=r"exit 1(.|\n)*no route"):
        run(download, Silent(), timeout_s=60, cancelled=lambda: False)


def test_a_download_is_bounded_in_time(tmp_path: Path) -> None:
    piece = Piece(tmp_path, pause_s=0.5)
    with pytest.raises(ComponentError, match="LOCAL_DOWNLOAD_TIMEOUT_S"):
        run(piece.download(), Silent(), timeout_s=0.3, cancelled=lambda: False)


def test_two_starts_at_once_fetch_once(tmp_path: Path) -> None:
    pieces = [Piece(tmp_path / "cache", pause_s=0.005) for _ in range(2)]
    told = [Silent(), Silent()]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(fetch.ensure, [p], tmp_path / "cache", t, timeout_s=60)
            for p, t in zip(pieces, told, strict=True)
        ]
        for done in runs:
            done.result()
    assert sorted(t.begun for t in told) == [[], ["piece"]]

"""The folder of jars in the cache: it holds the pinned bytes or it is fetched again."""

import hashlib
import os
from pathlib import Path

import pytest

from deploy.local.components.kafka_jars import Jar, KafkaJars
from deploy.local.errors import ComponentError

_CONTENTS = {"one": b"first jar", "two": b"second jar"}


@pytest.fixture
def jars(tmp_path: Path) -> KafkaJars:
    pinned = [Jar("g.h", name, "1.0", len(data), hashlib.sha256(data).hexdigest()) for name, data in _CONTENTS.items()]
    lock = tmp_path / "kafka.lock"
    lock.write_text("".join(f"{jar.to_line()}\n" for jar in pinned))
    return KafkaJars(tmp_path / "cache", lock)


def _arrive(jars: KafkaJars, contents: dict[str, bytes]) -> None:
    """As if the download had put these files into its folder."""
    folder = jars.download().folder
    for jar in jars.jars:
        path = folder / jar.repository_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents[jar.artifact])


def test_what_matches_the_lock_is_installed_and_ready(jars: KafkaJars) -> None:
    _arrive(jars, _CONTENTS)
    assert not jars.is_ready()
    jars.install()
    assert jars.is_ready()
    assert jars.is_ready(thorough=True)
    assert [Path(entry).name for entry in jars.classpath.split(":")] == ["one-1.0.jar", "two-1.0.jar"]


def test_a_file_that_differs_from_the_lock_is_never_installed(jars: KafkaJars) -> None:
    _arrive(jars, {**_CONTENTS, "two": b"SECOND jar"})
    with pytest.raises(ComponentError, match=r"two-1\.0\.jar"):
        jars.install()
    assert not jars.is_ready()
    assert not jars.folder.exists()


def test_a_jar_that_was_changed_or_lost_later_is_noticed(jars: KafkaJars) -> None:
    _arrive(jars, _CONTENTS)
    jars.install()
    path = jars.folder / "one-1.0.jar"
    path.write_bytes(b"shorter")
    assert not jars.is_ready()
    path.unlink()
    assert not jars.is_ready()


def test_a_silent_change_is_found_by_the_thorough_check(jars: KafkaJars) -> None:
    _arrive(jars, _CONTENTS)
    jars.install()
    path = jars.folder / "one-1.0.jar"
    before = path.stat()
    path.write_bytes(b"FIRST jar")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert jars.is_ready()
    assert not jars.is_ready(thorough=True)


def test_another_lock_makes_the_cache_stale(jars: KafkaJars, tmp_path: Path) -> None:
    _arrive(jars, _CONTENTS)
    jars.install()
    lock = tmp_path / "kafka.lock"
    lock.write_text("# changed\n" + lock.read_text())
    assert not jars.is_ready()

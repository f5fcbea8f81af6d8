"""The Java that runs Kafka is checked."""

from pathlib import Path

import pytest

from deploy.local.components.java import find_java, parse_version
from deploy.local.errors import ComponentError


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "25" 2025-09-16', 25),
    ],
)
def test_a_java_tells_its_version(text: str, version: int) -> None:
    assert parse_version(text) == version


def test_an_old_java_is_refused_by_name(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(ComponentError, match=r"Java 11; Kafka needs 17"):
        find_java(java)


def test_a_java_that_is_not_there_is_refused_by_setting(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="LOCAL_JAVA"):
        find_java(tmp_path / "none")


def test_without_the_setting_the_wheels_java_is_used() -> None:
    assert find_java(None).exists()

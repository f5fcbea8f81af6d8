"""Write docs/licenses.md: the licence of every package in the images, as its own metadata says. ``make licenses``."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DOCS: Final = Path(__file__).resolve().parent
FILE: Final = _DOCS / "licenses.md"
REQUIREMENTS: Final = _DOCS.parent / "requirements" / "services.txt"
_LIST_S: Final = 120

_INTRODUCTION: Final = """\
# Licences

Actionlog is Apache-2.0 ([LICENSE](../LICENSE)). The images hold these packages, unchanged, beside Python (PSF-2.0) and
Debian's base system, whose licences lie in the base image. Written by `make licenses` from the packages' own metadata;
a test refuses a package that is not listed, and a licence under which it could not be passed on with other software.
"""


@dataclass(frozen=True)
class Package:
    """A line of the lock: its name as PyPI normalises it, and its version."""

    name: str
    version: str


def normalised(name: str) -> str:
    """`Pydantic_core` and `pydantic-core` are one name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> list[Package]:
    """What the images install: Linux, so that what is for Windows alone is left out."""
    lines = re.findall(r"^([\w.-]+)==([\w.]+)(.*)$", REQUIREMENTS.read_text(), re.MULTILINE)
    return [
        Package(normalised(name), version) for name, version, rest in lines if "sys_platform == 'win32'" not in rest
    ]


def licences() -> dict[str, str]:
    """By package, of what is installed beside this Python."""
    words = [str(Path(sys.executable).parent / "pip-licenses"), "--from=mixed", "--format=json"]
    listed = subprocess.run(words, capture_output=True, text=True, timeout=_LIST_S, check=True).stdout  # noqa: S603
    return {normalised(entry["Name"]): entry["License"] for entry in json.loads(listed)}


def render() -> str:
    """The page. Raises KeyError for a package that is not installed."""
    known = licences()
    rows = [f"| {package.name} | {package.version} | {known[package.name]} |" for package in locked()]
    return "\n".join([_INTRODUCTION, "| package | version | licence |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    FILE.write_text(render())

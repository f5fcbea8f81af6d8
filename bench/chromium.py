"""The machine's own Chromium: benchmarks and browser tests drive it, and nobody downloads one."""

import os
import shutil
from pathlib import Path
from typing import Final

PROGRAM: Final = "ACTIONLOG_CHROMIUM"
# No sandbox: it needs rights that containers lack. No GPU and no /dev/shm for the same reason.
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
MISSING: Final = f"no Chromium: install Debian's `chromium`, or name one in {PROGRAM}"


def find() -> str | None:
    """The program's path: what ACTIONLOG_CHROMIUM names, by default the first ``chromium`` of the PATH; None: none."""
    found = os.environ.get(PROGRAM) or shutil.which("chromium")
    return found if found and Path(found).exists() else None
